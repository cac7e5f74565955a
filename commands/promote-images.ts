// Which images does an app deploy, and which of them are of another version elsewhere?
import type { RenderedObject } from "../components/delivery/render.ts";

/** An image by its name and what says which one of that name: `ghcr.io/acme/shop`, `1.4.0`, `sha256:…`. */
export interface ImageReference {
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** A version that goes from one environment to the other. */
export interface Promotion {
  readonly what: "image" | "chart";
  readonly name: string;
  /** Every version that the target has now. */
  readonly before: readonly string[];
  /** The one that it gets. */
  readonly after: string;
}

const reference =
  /^(?<name>(?:[\w.-]+(?::\d+)?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;

/** The parts of a reference; undefined where a text is none. */
export const imageOf = (text: string): ImageReference | undefined => {
  const { name, tag, digest } = reference.exec(text)?.groups ?? {};
  return name ? { name, ...(tag && { tag }), ...(digest && { digest }) } : undefined;
};

/** "1.4.0", "sha256:…", or "1.4.0@sha256:…"; empty where an image says neither. */
export const versionOf = ({ tag, digest }: Omit<ImageReference, "name">): string =>
  [tag, digest].filter(Boolean).join("@");

/** Whether the same name may be another image tomorrow: no digest, and a tag that is a word such as `latest`, or none. */
export const moves = ({ tag = "", digest }: Omit<ImageReference, "name">): boolean => !digest && !/\d/.test(tag);

/** Versions by name of the images that the containers of an app run. */
export const deployedImages = (objects: readonly RenderedObject[]): Map<string, Set<string>> => {
  const found = new Map<string, Set<string>>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (/^(initC|ephemeralC|c)ontainers$/.test(key) && Array.isArray(inner)) {
        for (const { image } of inner as { image?: unknown }[]) {
          const parsed = typeof image === "string" ? imageOf(image) : undefined;
          if (!parsed) continue;
          const versions = found.get(parsed.name) ?? new Set();
          found.set(parsed.name, versions.add(versionOf(parsed)));
        }
      }
      look(inner);
    }
  };
  for (const { object } of objects) look(object);
  return found;
};

/** What differs between two environments, and what only one of them has. */
export interface Compared {
  readonly promotions: readonly Promotion[];
  /** Names that the source alone deploys, and those that the target alone does: they are left as they are. */
  readonly only: { readonly from: readonly string[]; readonly to: readonly string[] };
  /** Names of which the source deploys several versions at once. */
  readonly several: readonly { readonly name: string; readonly versions: readonly string[] }[];
}

/** Compares the images of two environments by name. */
export const comparedImages = (
  from: ReadonlyMap<string, ReadonlySet<string>>,
  to: ReadonlyMap<string, ReadonlySet<string>>,
): Compared => {
  const both = [...from.keys()].filter((name) => to.has(name)).sort();
  const differing = both.flatMap((name) => {
    const [after, before] = [[...(from.get(name) ?? [])], [...(to.get(name) ?? [])]];
    return after.length === before.length && after.every((each) => before.includes(each))
      ? []
      : [{ name, after: after.sort(), before: before.sort() }];
  });
  return {
    promotions: differing.flatMap(({ name, after: [after, more], before }) =>
      after === undefined || more !== undefined ? [] : [{ what: "image" as const, name, before, after }],
    ),
    only: {
      from: [...from.keys()].filter((name) => !to.has(name)).sort(),
      to: [...to.keys()].filter((name) => !from.has(name)).sort(),
    },
    several: differing.filter(({ after }) => after.length > 1).map(({ name, after }) => ({ name, versions: after })),
  };
};
