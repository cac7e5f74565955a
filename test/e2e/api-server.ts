// A real API server with nothing behind it: etcd, kube-apiserver and the static policies, on loopback, for tests of who may
// write what. Nobody runs a pod here, which such tests don't need.
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dump } from "js-yaml";
import { programFolder } from "../../engine/program-folder.ts";
import { resolve } from "../../engine/resolve.ts";
import { applyBootstrapObjects } from "../../local/bootstrap.ts";
import { type Api, connect } from "../../local/kubernetes-api.ts";

/** User and groups by the name that a test calls somebody. */
export type Users = Readonly<Record<string, { readonly user: string; readonly groups?: readonly string[] }>>;

export interface ApiServer {
  /** Kubeconfig of one of the users. */
  readonly kubeconfig: (name: string) => string;
  /** A connection as one of the users, kept until the end. */
  readonly as: (name: string) => Promise<Api>;
  readonly kubectl: string;
  readonly stop: () => Promise<void>;
}

/** Programs of these tests; `PLUMBLINE_TEST_PROGRAMS` names a folder that has them, which spares building them. */
export const programs = async (): Promise<string> =>
  process.env.PLUMBLINE_TEST_PROGRAMS ||
  programFolder((await resolve(["etcd", "kube-apiserver", "kubectl", "plumbline-cel"])).values());

/** Starts it and makes the objects of the bootstrap identity, which is the user "bootstrap". */
export const startApiServer = async (manifests: readonly string[], users: Users): Promise<ApiServer> => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-api-"));
  const bin = await programs();
  const running: { name: string; child: ChildProcess; log: string }[] = [];
  const connections = new Map<string, Promise<Api>>();
  const stop = async () => {
    for (const api of connections.values()) (await api).close();
    for (const { child } of running.reverse()) {
      const over = child.exitCode !== null || new Promise((end) => child.once("exit", end));
      child.kill("SIGKILL"); // nothing here is kept
      await over;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const run = (name: string, args: readonly string[]) => {
    const log = join(folder, `${name}.log`);
    const out = openSync(log, "w");
    running.push({ name, log, child: spawn(join(bin, name), args, { cwd: folder, stdio: ["ignore", out, out] }) });
  };

  const tokens = Object.fromEntries(Object.keys(users).map((name) => [name, randomUUID()]));
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  put(
    "tokens.csv",
    Object.entries(users)
      .map(([name, { user, groups = [] }]) => `${tokens[name]},${user},${name},"${groups.join(",")}"\n`)
      .join(""),
  );
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  put("accounts.key", pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  put("accounts.pub", pair.publicKey.export({ type: "spki", format: "pem" }).toString());
  mkdirSync(join(folder, "static"));
  for (const [index, manifest] of manifests.entries()) put(`static/${index}.yaml`, manifest);
  const apiVersion = "apiserver.config.k8s.io/v1";
  const configuration = {
    apiVersion,
    kind: "ValidatingAdmissionPolicyConfiguration",
    staticManifestsDir: join(folder, "static"),
  };
  put(
    "admission.yaml",
    dump({
      apiVersion,
      kind: "AdmissionConfiguration",
      plugins: [{ name: "ValidatingAdmissionPolicy", configuration }],
    }),
  );

  const [client, peer, secure] = await freePorts(3);
  run("etcd", [
    ...["--data-dir", "etcd", "--unsafe-no-fsync", "--log-level", "warn"],
    ...["--listen-client-urls", `http://127.0.0.1:${client}`, "--advertise-client-urls", `http://127.0.0.1:${client}`],
    ...["--listen-peer-urls", `http://127.0.0.1:${peer}`, "--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
    ...["--initial-cluster", `default=http://127.0.0.1:${peer}`],
  ]);
  run("kube-apiserver", [
    `--etcd-servers=http://127.0.0.1:${client}`,
    ...["--bind-address=127.0.0.1", `--secure-port=${secure}`, "--cert-dir=certificates", "--allow-privileged"],
    ...["--authorization-mode=Node,RBAC", "--token-auth-file=tokens.csv", "--anonymous-auth=false"],
    ...["--service-account-key-file=accounts.pub", "--service-account-signing-key-file=accounts.key"],
    ...["--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16"],
    ...["--admission-control-config-file=admission.yaml", "--enable-admission-plugins=NodeRestriction"],
    ...["--endpoint-reconciler-type=none", "--watch-cache=false"],
  ]);

  const kubeconfig = (name: string): string => {
    const token = tokens[name];
    if (!token) throw new Error(`no user ${name}; there are ${Object.keys(users).join(", ")}`);
    const path = join(folder, `${name}.yaml`);
    const authority = join(folder, "certificates", "apiserver.crt"); // signed by itself: its second half is the authority
    writeFileSync(
      path,
      dump({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "test",
        contexts: [{ name: "test", context: { cluster: "test", user: name } }],
        clusters: [
          { name: "test", cluster: { server: `https://127.0.0.1:${secure}`, "certificate-authority": authority } },
        ],
        users: [{ name, user: { token } }],
      }),
      { mode: 0o600 },
    );
    return path;
  };
  const as = (name: string): Promise<Api> => {
    const known = connections.get(name) ?? connect(kubeconfig(name));
    connections.set(name, known);
    return known;
  };
  try {
    for (const end = Date.now() + 60_000; ; await sleep(50)) {
      const over = running.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
      const late = Date.now() > end;
      if (over || late) {
        const { name, log } = over ?? (running.at(-1) as (typeof running)[number]);
        const tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-8).join("\n");
        throw new Error(`${name} ${late ? "was not ready within 60 s" : "ended"}:\n${tail}`);
      }
      if (await isReady(`https://127.0.0.1:${secure}/readyz`, tokens.bootstrap)) break;
    }
    await applyBootstrapObjects(kubeconfig("bootstrap"), AbortSignal.timeout(30_000));
  } catch (error) {
    await stop();
    throw error;
  }
  return { kubeconfig, as, kubectl: join(bin, "kubectl"), stop };
};

const isReady = (url: string, token: string | undefined): Promise<boolean> =>
  new Promise((answer) => {
    // Its certificate is not known before it is ready.
    const options = { rejectUnauthorized: false, headers: { Authorization: `Bearer ${token}` }, timeout: 2000 };
    const sent = get(url, options, (response) => answer(response.resume().statusCode === 200));
    sent.on("error", () => answer(false)).on("timeout", () => sent.destroy());
  });

// All are held until the last is known, so that they differ.
const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((open) => {
          const server = createServer().listen(0, "127.0.0.1", () => open(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
};
