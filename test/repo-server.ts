// What does Argo CD itself make of a commit? Its repository server as a program of this machine, asked as its controller asks it.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { resolve } from "../engine/resolve.ts";
import { freePort } from "./free-port.ts";

/** An app as an Application has it. */
export interface Asked {
  /** Folder of a repository of this machine. */
  readonly repository: string;
  readonly commit: string;
  readonly path: string;
  readonly name: string;
  readonly namespace: string;
  readonly kind: "yaml" | "kustomize" | "helm";
  readonly values?: Readonly<Record<string, unknown>>;
  readonly valuesFiles?: readonly string[];
  readonly images?: readonly string[];
  readonly kubeVersion?: string;
  readonly apiVersions?: readonly string[];
}

export interface RepoServer {
  /** The objects. @throws Error with what the server says */
  readonly objects: (asked: Asked) => Promise<object[]>;
  readonly close: () => void;
}

/** Starts it on loopback, with the programs that its image on the local platform has, and without a cache. */
export const repoServer = async (): Promise<RepoServer> => {
  const programs = await resolve(["argocd", "argocd-helm", "kustomize"]);
  const home = mkdtempSync(join(tmpdir(), "plumbline-repo-server-"));
  const bin = join(home, "bin");
  mkdirSync(bin);
  const links = {
    "argocd-repo-server": "argocd",
    "argocd-git-ask-pass": "argocd",
    helm: "argocd-helm",
    kustomize: "kustomize",
  } as const;
  for (const [name, program] of Object.entries(links)) symlinkSync(programs.get(program)?.path ?? "", join(bin, name));
  const [port, figures] = [await freePort(), await freePort()];
  const address = "127.0.0.1";
  const flags = [
    "--address",
    address,
    "--port",
    `${port}`,
    "--metrics-address",
    address,
    "--metrics-port",
    `${figures}`,
  ];
  const child = spawn(join(bin, "argocd-repo-server"), [...flags, "--disable-tls", "--redis", `${address}:1`], {
    env: { HOME: home, TMPDIR: home, PATH: `${bin}:/usr/bin:/bin`, ARGOCD_GPG_ENABLED: "false" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text) => {
    said = `${said}${text}`.slice(-4000);
  });
  const close = () => {
    child.kill("SIGKILL");
    rmSync(home, { recursive: true, force: true });
  };
  const healthy = () =>
    fetch(`http://${address}:${figures}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  for (let waited = 0; !(await healthy()); waited++) {
    if (waited > 300 || child.exitCode !== null) {
      close();
      throw new Error(`the repository server does not answer: ${said}`);
    }
    await sleep(100);
  }
  return { objects: async (asked) => objectsIn(await call(`http://${address}:${port}`, requestOf(asked))), close };
};

/** Fields of a message by their number: text, a flag, a message, or several of them. */
type Fields = Readonly<Record<number, string | boolean | Buffer | readonly string[] | undefined>>;

const varint = (value: number): Buffer =>
  Buffer.from(value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]);

const encode = (fields: Fields): Buffer =>
  Buffer.concat(
    Object.entries(fields).flatMap(([number, value]) =>
      (Array.isArray(value) ? value : [value]).flatMap((each: string | boolean | Buffer | undefined) => {
        if (each === undefined) return [];
        if (typeof each === "boolean") return [varint(Number(number) * 8), varint(Number(each))];
        const bytes = Buffer.from(each as string);
        return [varint(Number(number) * 8 + 2), varint(bytes.length), bytes];
      }),
    ),
  );

/** `ManifestRequest` of `reposerver/repository/repository.proto` of Argo CD 3.2, without what marks objects as those of an app. */
const requestOf = ({ repository, commit, path, name, namespace, kind, ...how }: Asked): Buffer => {
  const url = `file://${repository}`;
  const source: Fields = {
    1: url,
    2: path,
    4: commit,
    7:
      kind === "helm"
        ? encode({ 1: how.valuesFiles, 3: name, 4: how.values && JSON.stringify(how.values) })
        : undefined,
    8: kind === "kustomize" ? encode({ 3: how.images, 9: namespace }) : undefined,
    10: kind === "yaml" ? encode({ 1: true }) : undefined,
  };
  return encode({
    1: encode({ 1: url }),
    2: commit,
    3: true,
    5: name,
    8: namespace,
    10: encode(source),
    14: how.kubeVersion,
    15: how.apiVersions,
    18: true,
    24: ["*"],
    25: "default",
  });
};

/** One call of gRPC. @throws Error with its message where its status is not 0 */
const call = (origin: string, message: Buffer): Promise<Buffer> =>
  new Promise((done, failed) => {
    const session = connect(origin).on("error", failed);
    const stream = session.request({
      ":method": "POST",
      ":path": "/repository.RepoServerService/GenerateManifest",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks: Buffer[] = [];
    let status: Record<string, unknown> = {};
    const take = (headers: Record<string, unknown>) => {
      status = { ...status, ...headers };
    };
    stream.on("response", take).on("trailers", take).on("error", failed);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      session.close();
      if (status["grpc-status"] === "0") return done(Buffer.concat(chunks).subarray(5));
      failed(new Error(decodeURIComponent(String(status["grpc-message"] ?? "no answer"))));
    });
    const length = Buffer.alloc(5);
    length.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([length, message]));
  });

/** The field 1 of `ManifestResponse`: an object as JSON, as often as there is one. */
const objectsIn = (bytes: Buffer): object[] => {
  const objects: object[] = [];
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const length = number();
    if (tag === 8 + 2) objects.push(JSON.parse(bytes.subarray(at, at + length).toString()));
    at += length;
  }
  return objects;
};
