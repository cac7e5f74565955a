// A vendor's chart without the vendor: charts that a test makes, the places that hold them, and what real ones know of values.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create } from "tar";
import { root } from "../engine/folders.ts";

/** A chart as one archive. */
export interface MadeChart {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

/** Makes a chart. @param templates file name → template; what none renders is a chart that renders nothing */
export const makeChart = (name: string, version: string, templates: Readonly<Record<string, string>>): MadeChart => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-chart-"));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, name, path)), { recursive: true });
    writeFileSync(join(folder, name, path), text);
  };
  write("Chart.yaml", `apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
  for (const [file, text] of Object.entries(templates)) write(join("templates", file), text);
  try {
    // `mtime` and `portable`: the same chart is the same bytes.
    const options = { cwd: folder, gzip: true, portable: true, mtime: new Date(0), sync: true } as const;
    const bytes = create(options, [name]).read() as Buffer;
    return { name, version, bytes, digest: createHash("sha256").update(bytes).digest("hex") };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** A chart under a vendor's name that renders the values it is given, and nothing else: ConfigMap `values`, key `values.json`. */
export const recordingChart = (name: string, version = "0.0.1"): MadeChart =>
  makeChart(name, version, {
    "values.yaml": [
      "apiVersion: v1",
      "kind: ConfigMap",
      "metadata: {name: {{ .Release.Name }}-values, namespace: {{ .Release.Namespace }}}",
      "data: {values.json: {{ .Values | toJson | quote }}}",
      "",
    ].join("\n"),
  });

/** A place that holds charts, as an HTTP folder and as an OCI registry. */
export interface ChartPlace {
  readonly http: string;
  /** A registry that gives whoever asks a token, and nothing without it. */
  readonly oci: string;
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[];
  readonly stop: () => Promise<void>;
}

/** Serves charts on loopback. */
export const serveCharts = async (held: readonly MadeChart[]): Promise<ChartPlace> => {
  const asked: string[] = [];
  const token = "anyone";
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    asked.push(pathname);
    const answer = (status: number, body: Buffer | string, headers: Record<string, string> = {}) =>
      response.writeHead(status, headers).end(body);
    if (pathname === "/token") return answer(200, JSON.stringify({ token }));
    if (pathname.startsWith("/v2/") && request.headers.authorization !== `Bearer ${token}`) {
      const realm = `Bearer realm="http://${request.headers.host}/token",service="test",scope="repository:mirror:pull"`;
      return answer(401, "", { "www-authenticate": realm });
    }
    const found = held.find(({ name, version, digest }) =>
      [`/mirror/${name}-${version}.tgz`, `/v2/mirror/${name}/blobs/sha256:${digest}`].includes(pathname),
    );
    return found ? answer(200, found.bytes) : answer(404, "");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  return {
    http: `http://127.0.0.1:${port}/mirror`,
    oci: `oci://127.0.0.1:${port}/mirror`,
    asked,
    stop: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
};

const form = /^(?<path>\S+)( (?<open>\{\}|\[\]|null))?$/;

/**
 * Paths of values that a vendor's chart does not know.
 *
 * `test/charts/<name>-<version>.keys` has the paths of the vendor's `values.yaml` of that version, a line each. A path that
 * ends in ` {}`, ` []` or ` null` is empty there: what stands below it is the installer's. Keys with a dot are in quotes.
 */
export const unknownKeys = (values: unknown, { name, version }: { name: string; version: string }): string[] => {
  const known = new Map<string, boolean>();
  for (const line of readFileSync(join(root, "test", "charts", `${name}-${version}.keys`), "utf8").split("\n")) {
    if (!line || line.startsWith("#")) continue;
    const { path, open } = form.exec(line)?.groups ?? {};
    if (!path) throw new Error(`test/charts/${name}-${version}.keys has a line that is no path: ${line}`);
    known.set(path, open !== undefined);
  }
  const unknown: string[] = [];
  const look = (value: unknown, path: string): void => {
    const open = known.get(path);
    if (path && open === undefined) unknown.push(path);
    if (open || value === null || typeof value !== "object" || Array.isArray(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      const step = key.includes(".") ? JSON.stringify(key) : key;
      look(inner, path ? `${path}.${step}` : step);
    }
  };
  look(values, "");
  return unknown;
};
