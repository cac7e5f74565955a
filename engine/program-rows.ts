// What does one row of the tables of programs say? The types, and what several rows share.

/** How a program on PATH is recognised. */
export interface OnPath {
  readonly args: readonly string[];
  /** Its first group is the version in what the program prints. */
  readonly version: RegExp;
  /** A later version does too; without it only the pinned one does. */
  readonly atLeast?: string;
  /** Found in the folder of this other program, whose version counts. */
  readonly beside?: string;
  readonly static?: true;
}

/** An archive or a bare program that its vendor publishes, with the checksum published beside it. `{arch}` is amd64 or arm64. */
export interface Download {
  readonly url: string;
  /** A file that lists SHA-256 sums, or holds just one. */
  readonly sums: string;
  /** The vendor's own names of architectures, where they are others. */
  readonly arch?: Readonly<Record<"amd64" | "arm64", string>>;
}

/** What one Go module of ours makes. */
export interface Build {
  /** Folder below the root of the clone that holds `go.mod`. */
  readonly folder: string;
  /** Program → package that Go builds. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Further names of an output, as links. */
  readonly links?: Readonly<Record<string, readonly string[]>>;
  /** Files of the folder that belong beside the programs. */
  readonly scripts?: readonly string[];
  readonly tags?: readonly string[];
  /** Variables that the linker sets. */
  readonly stamp?: Readonly<Record<string, string>>;
  /** Seconds that a cold build took on 2 cores, in the order of this table (the module cache fills as it goes). */
  readonly seconds: number;
}

/** Where one program may come from. */
export interface Row<Name extends string = string> {
  readonly version: string;
  readonly build?: Name;
  /** Layer implementations that need it: "prometheus". Omitted: the local cluster itself does, whatever the stack. */
  readonly for?: readonly string[];
  readonly onPath?: OnPath;
  readonly download?: Download;
  /** Path within the archive. */
  readonly entry?: string;
  /** Debian package that carries it, and where in it. */
  readonly debian?: { readonly package: string; readonly path: string };
  /** An archive of files of Debian packages with every library that they need: a layer of an image, not a program. */
  readonly files?: {
    readonly packages: readonly string[];
    readonly paths: readonly string[];
    /** Where it has the Node that runs this, whose libraries are among those of the packages. Default: nowhere. */
    readonly node?: string;
  };
  /** Kept out of the folder that serves as PATH, because it would be taken for something else there. */
  readonly apart?: true;
}

/** Address of a file of a release on GitHub. */
export const github = (repository: string, tag: string, file: string): string =>
  `https://github.com/${repository}/releases/download/${tag}/${file}`;
