// Does this machine read a private repository by what the stack's configuration holds, with real servers and the real Git?
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname } from "node:path";
import { after, before, test } from "node:test";
import type { PlainCredentials } from "../../../components/delivery/git-access.ts";
import { openRepository } from "../../../components/delivery/repository.ts";
import { gitHosts, type Identity, identityFor, rsaKey } from "../../git-hosts.ts";
import { repositoryWith } from "../../repositories.ts";

const { folder, git } = repositoryWith({ "app/a.yaml": "a" });
const name = basename(folder);
let identity: Identity;
let hosts: Awaited<ReturnType<typeof gitHosts>>;

before(async () => {
  identity = await identityFor("127.0.0.1");
  hosts = await gitHosts(dirname(folder), identity);
});
after(() => hosts.close());

const left = () => readdirSync(tmpdir()).filter((each) => each.startsWith("plumbline-access-"));

/** What the repository is at its branch, or why it can't be read. */
const read = async (url: string, credentials?: PlainCredentials): Promise<string> => {
  const before = left();
  try {
    const snapshot = await openRepository(`${url}/${name}`, { branch: "main" }, { credentials });
    await snapshot.close();
    return snapshot.commit;
  } catch (error) {
    return (error as Error).message;
  } finally {
    assert.deepEqual(left(), before, "what Git was given lies there still");
  }
};

test("a token over HTTPS, whose server an authority of its own signed", async () => {
  const { token, authority: ca } = identity;
  assert.equal(await read(hosts.https, { token, ca }), git("rev-parse", "HEAD"));
  assert.equal(await read(hosts.https, { token, ca, username: "robot" }), git("rev-parse", "HEAD"));
  assert.match(await read(hosts.https, { token }), /certificate/);
  const refused = await read(hosts.https, { token: "wrong", ca });
  assert.match(refused, /cannot read branch main of https:\S+: git fetch: .*Authentication failed/);
  assert.ok(!refused.includes("wrong"));
});

test("a GitHub App gets a token first", async () => {
  const githubApp = { id: "1", installation: "2", key: rsaKey() };
  assert.equal(await read(hosts.https, { githubApp, ca: identity.authority }), git("rev-parse", "HEAD"));
  assert.match(await read(hosts.https, { githubApp }), /the GitHub App got no token of https:.*certificate/);
});

test("a key over SSH, to a server whose own key is known", async () => {
  const { key: sshKey } = identity;
  const { knownHosts } = hosts;
  assert.equal(await read(hosts.ssh, { sshKey, knownHosts }), git("rev-parse", "HEAD"));
  const other = await identityFor("127.0.0.1");
  assert.match(
    await read(hosts.ssh, { sshKey: other.key, knownHosts }),
    /cannot read branch main of ssh:.*Permission denied/,
  );
  const stranger = knownHosts.replace(identity.hostKeyLine, other.hostKeyLine);
  assert.match(
    await read(hosts.ssh, { sshKey, knownHosts: stranger }),
    /cannot read branch main of ssh:.*Host key verification failed/,
  );
});
