// What does Flux deliver from repositories that are not for everybody, and of whom? Apps from real servers beside the example app, all at once.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { root } from "../../engine/folders.ts";
import { connect } from "../../local/kubernetes-api.ts";
import { type ArtifactRegistry, pushArtifact, startRegistry } from "../artifacts.ts";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { freePort } from "../free-port.ts";
import { type Identity, identityFor } from "../git-hosts.ts";
import { repositoryWith } from "../repositories.ts";
import { signer, signLastCommit } from "../signatures.ts";

/** Where the control plane's machine is reached by pods. */
const address = "10.88.0.1";
const ports = { https: 3443, ssh: 3022, registry: 3500 };
let clone: Clone;
let status: Status;
let identity: Identity;
let folder: string;
let server: ChildProcess;
let storage: string;
/** Where artifacts are pushed to from here, and where the cluster has them from. */
const registries: ArtifactRegistry[] = [];
let original: string;
const [author, stranger, forger] = [signer("Ada"), signer("Bob"), signer("Eve")];
/** Their servers or histories change while the platform runs. */
const changing = ["rewritten", "gone", "slow"] as const;
const stack = () => join(clone.folder, "stacks/local.ts");

const configMap = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
const { folder: members, git } = repositoryWith({ "app/a.yaml": configMap("a") });

const pushed = (word: string) => {
  const [here] = registries;
  const files = { "app/a.yaml": `${configMap("a")}data: {word: ${word}}\n` };
  return here ? pushArtifact(here, "team/artifact", "latest", files) : assert.fail("no registry");
};
const inCluster = () => registries[1] ?? assert.fail("no registry in the cluster");

const plumbline = async (...args: string[]): Promise<void> => {
  const { exitCode, all } = await clone.plumbline(args);
  assert.equal(exitCode, 0, String(all));
};
const configure = (key: string, secret: string) =>
  execa(
    process.execPath,
    [join(clone.folder, "launch.mjs"), "pulumi", "config", "set", "--secret", key, "--stack", "local"],
    {
      cwd: clone.folder,
      env: { PLUMBLINE_STATE: "" },
      input: secret,
    },
  );

/** The stack with more apps: the source of each, by its name. */
const declared = (): string => {
  const at = (scheme: string, port: number, name: string) => `${scheme}${address}:${port}/${name}.git`;
  const knownHosts = `[${address}]:${ports.ssh} ${identity.hostKeyLine}`;
  const token = { config: "gitToken" };
  const ca = identity.authority;
  const sources = {
    token: { repository: at("https://", ports.https, "token"), credentials: { token, ca } },
    ssh: { repository: at("ssh://git@", ports.ssh, "ssh"), credentials: { sshKey: { config: "gitKey" }, knownHosts } },
    "wrong-token": {
      repository: at("https://", ports.https, "wrong-token"),
      credentials: { token: { config: "wrong" }, ca },
    },
    "wrong-authority": { repository: at("https://", ports.https, "wrong-authority"), credentials: { token } },
    artifact: {
      repository: `oci://${address}:${ports.registry}/team/artifact`,
      revision: { tag: "latest" },
      credentials: { token: { config: "registryToken" }, username: "reader", ca: inCluster().identity.authority },
    },
    "wrong-key": {
      repository: at("ssh://git@", ports.ssh, "wrong-key"),
      credentials: { sshKey: { config: "otherKey" }, knownHosts },
    },
  };
  const others = Object.fromEntries(
    changing.map((name) => [name, { repository: at("https://", ports.https, name), credentials: { token, ca } }]),
  );
  const signed = { credentials: { token, ca }, verify: { keys: [stranger.publicKey, author.publicKey] } };
  const verified = {
    signed: { repository: at("https://", ports.https, "signed"), ...signed },
    unsigned: { repository: at("https://", ports.https, "unsigned"), ...signed },
    "wrong-signer": { repository: at("https://", ports.https, "wrong-signer"), ...signed },
  };
  const apps = Object.entries({ ...sources, ...others, ...verified }).map(
    ([name, source]) => `app(${JSON.stringify({ name, kind: "yaml", source: { path: "app", ...source } })})`,
  );
  return `// The platform of this test.
import { app, definePlatform, flux } from "../components/index.ts";
import { hello } from "./shared/examples.ts";
import { onThisMachine } from "./shared/local.ts";

const { expose: _, ...plain } = hello;
export default definePlatform(
  { ...onThisMachine, name: "local", apps: [{ ...plain, expose: { service: "hello", port: 80 } }, ${apps.join(", ")}] },
  { agent: flux() },
);
`;
};

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  original = await readFile(stack(), "utf8");
  identity = await identityFor(address);
  folder = await mkdtemp(join(tmpdir(), "plumbline-members-"));
  for (const name of [
    "token",
    "ssh",
    "signed",
    "unsigned",
    "wrong-signer",
    "wrong-token",
    "wrong-authority",
    "wrong-key",
    ...changing,
  ])
    await cp(join(members, ".git"), join(folder, `${name}.git`), { recursive: true });
  signLastCommit(join(folder, "signed.git"), author);
  signLastCommit(join(folder, "wrong-signer.git"), forger);
  const etcd = status.processes.find(({ name }) => name === "etcd")?.pid;
  server = spawn("nsenter", [`--net=/proc/${etcd}/ns/net`, process.execPath, join(root, "test/git-hosts.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  server.stdin?.write(`${JSON.stringify({ root: folder, identity, ports })}\n`);
  await once(server.stdout ?? server, "data");
  storage = await mkdtemp(join(tmpdir(), "plumbline-artifacts-"));
  registries.push(await startRegistry({ address: "127.0.0.1", port: await freePort(), storage }));
  registries.push(
    await startRegistry({ address, port: ports.registry, storage }, ["nsenter", `--net=/proc/${etcd}/ns/net`]),
  );
  await pushed("first");
  await configure("registryToken", inCluster().identity.token);
  await configure("gitToken", identity.token);
  await configure("gitKey", identity.key);
  await configure("wrong", "not the token");
  await configure("otherKey", (await identityFor(address)).key);
  await writeFile(stack(), declared());
  await plumbline("pulumi", "up", "--yes", "--skip-preview", "--non-interactive");
});
after(async () => {
  await writeFile(stack(), original);
  await plumbline("pulumi", "up", "--yes", "--skip-preview", "--non-interactive");
  server.kill();
  for (const registry of registries) await registry.close();
  await rm(folder, { recursive: true, force: true });
  await rm(storage, { recursive: true, force: true });
});

const app = (name: string, now: Status) => now.apps.find((each) => each.name === name) ?? assert.fail(`no app ${name}`);

for (const name of ["token", "ssh"]) {
  test(`a private repository is delivered by ${name}`, async () => {
    const now = await eventually("it is delivered", clone.status, (found) => app(name, found).healthy, 60);
    assert.equal(app(name, now).commit, git("rev-parse", "HEAD"));
  });
}

test("an artifact of a private registry is delivered, and what its tag names next comes at a question", async () => {
  const first = await eventually("it is delivered", clone.status, (found) => app("artifact", found).healthy, 60);
  const api = await connect(status.kubeconfig.ci);
  try {
    const word = async () => (await api.get("/api/v1/namespaces/artifact/configmaps/a")).data.word;
    assert.equal(await word(), "first");
    const digest = await pushed("second");
    const kind = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/ocirepositories";
    const [source] = await api.list("/apis/source.toolkit.fluxcd.io/v1/ocirepositories");
    const annotations = { "reconcile.fluxcd.io/requestedAt": new Date().toISOString() };
    const patch = { metadata: { annotations } };
    const name = source?.metadata.name;
    await api.send("PATCH", `${kind}/${name}?fieldManager=plumbline-webhook`, patch, "application/merge-patch+json");
    await eventually("the next artifact is live", word, (found) => found === "second", 20);
    const now = await eventually(
      "status has its digest",
      clone.status,
      (found) => app("artifact", found).commit !== app("artifact", first).commit,
      20,
    );
    assert.equal(`sha256:${app("artifact", now).commit}`, digest);
  } finally {
    api.close();
  }
});

test("a commit that one of the right people signed is delivered", async () => {
  const now = await eventually("it is delivered", clone.status, (found) => app("signed", found).healthy, 60);
  assert.notEqual(app("signed", now).commit, git("rev-parse", "HEAD"));
});

for (const [name, says] of [
  ["unsigned", /signature verification of commit .* failed: .*signature is empty/],
  ["wrong-signer", /signature verification of commit .* failed: .*any of the given key rings/],
  ["wrong-token", /https:\S+wrong-token\.git.*authentication required/],
  ["wrong-authority", /https:\S+wrong-authority\.git.*certificate signed by unknown authority/],
  ["wrong-key", /ssh:\S+wrong-key\.git.*unable to authenticate/],
] as const) {
  test(`status says why nothing comes: ${name}`, async () => {
    const now = await eventually(
      "status says why",
      clone.status,
      (found) => says.test(app(name, found).message ?? ""),
      60,
    );
    assert.match(app(name, now).message ?? "", /way out: /);
    assert.equal(app(name, now).commit, "");
  });
}

/** Git in a repository on the server. */
const onServer = async (name: string, ...args: string[]) =>
  (
    await execa("git", ["-c", "user.name=test", "-c", "user.email=test@example.com", ...args], {
      cwd: join(folder, `${name}.git`),
      env: { GIT_DIR: "." },
    })
  ).stdout;

/** Has Flux look at the repository of an app now. */
const lookAt = async (name: string): Promise<void> => {
  const api = await connect(status.kubeconfig.ci);
  try {
    const sources = await api.list("/apis/source.toolkit.fluxcd.io/v1/gitrepositories");
    const found = sources.find(({ spec }) => spec.url.endsWith(`/${name}.git`)) ?? assert.fail(name);
    const path = `/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/${found.metadata.name}`;
    const patch = { metadata: { annotations: { "reconcile.fluxcd.io/requestedAt": new Date().toISOString() } } };
    await api.send("PATCH", `${path}?fieldManager=plumbline-webhook`, patch, "application/merge-patch+json");
  } finally {
    api.close();
  }
};

test("a history that was rewritten is delivered as it is now", async () => {
  await eventually("it is delivered", clone.status, (found) => app("rewritten", found).healthy, 60);
  const alone = await onServer("rewritten", "commit-tree", "HEAD^{tree}", "-m", "without what was before");
  await onServer("rewritten", "update-ref", "refs/heads/main", alone);
  await lookAt("rewritten");
  await eventually("its commit is delivered", clone.status, (found) => app("rewritten", found).commit === alone, 30);
});

test("a branch that is gone is named with its repository, and what was delivered stays", async () => {
  const before = await eventually("it is delivered", clone.status, (found) => app("gone", found).healthy, 60);
  await onServer("gone", "branch", "other");
  await onServer("gone", "update-ref", "-d", "refs/heads/main");
  await lookAt("gone");
  const says = /gone\.git.*couldn't find remote ref "refs\/heads\/main".*way out: push that branch/s;
  const now = await eventually(
    "status says so",
    clone.status,
    (found) => says.test(app("gone", found).message ?? ""),
    30,
  );
  assert.equal(app("gone", now).commit, app("gone", before).commit);
  const api = await connect(status.kubeconfig.ci);
  try {
    assert.ok((await api.get("/api/v1/namespaces/gone/configmaps/a")).metadata.uid);
  } finally {
    api.close();
  }
});

test("a server that does not answer is named, while other apps go on", async () => {
  const says = /slow\.git.*(deadline exceeded|timeout).*way out: see that the Git server runs/is;
  const now = await eventually(
    "status says so",
    clone.status,
    (found) => says.test(app("slow", found).message ?? ""),
    120,
  );
  assert.equal(app("slow", now).commit, "");
  assert.ok(app("token", now).healthy);
});

test("no secret lies in the state, the configuration or a log in the clear", async () => {
  const secrets = [identity.token, inCluster().identity.token, identity.key.split("\n")[2] ?? "", "not the token"];
  const secretsAndCodes = secrets.flatMap((each) => [each, Buffer.from(each).toString("base64").slice(0, -4)]);
  const state = join(clone.folder, ".plumbline");
  let urls = 0;
  const files = [join(state, "pulumi"), join(state, "log"), join(state, "renderings"), join(clone.folder, "stacks")];
  for (const place of files) {
    const names = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of names.filter((each) => each.isFile())) {
      const text = await readFile(join(entry.parentPath, entry.name), "latin1");
      if (text.includes("wrong-token.git")) urls += 1;
      for (const secret of secretsAndCodes) assert.ok(!text.includes(secret), `${entry.parentPath}/${entry.name}`);
    }
  }
  assert.ok(urls >= 2, "the state was not among the files");
});
