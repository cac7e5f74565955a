// What does the receiver of push events answer, and who follows what was pushed?
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { after, before, test } from "node:test";
import type { PushEvent } from "../../../components/agent/webhook-receiver/events.ts";
import {
  followedByArgoCd,
  followedByFlux,
  isMeant,
  repositoryKey,
} from "../../../components/agent/webhook-receiver/followers.ts";
import { largest, receiver } from "../../../components/agent/webhook-receiver/server.ts";

const secret = "a secret of the test, long enough";
let heard: PushEvent[] = [];
let lines: string[] = [];
let fails = false;
const server = receiver({
  secret: async () => Buffer.from(secret),
  tell: async (event) => {
    heard.push(event);
    if (fails) throw new Error("the API server does not answer");
    return ["flux-system/platform-main"];
  },
  say: (line) => lines.push(JSON.stringify(line)),
});
let url = "";
before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const sign = (body: string, hash = "sha256", key = secret) =>
  `${hash}=${createHmac(hash, key).update(body).digest("hex")}`;
const post = async (headers: Record<string, string>, body: string, at = "/hook") => {
  heard = [];
  lines = [];
  const answer = await fetch(`${url}${at}`, { method: "POST", headers, body });
  return { code: answer.status, text: await answer.text() };
};

// The fields of a push as each sender names them, among others that it sends.
const github = JSON.stringify({
  ref: "refs/heads/main",
  before: "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
  after: "59b20b8d5c6ff8d09518216e87e3af1d6a1b1e6f",
  created: false,
  deleted: false,
  repository: {
    id: 186853002,
    full_name: "Codertocat/Hello-World",
    private: false,
    html_url: "https://github.com/Codertocat/Hello-World",
    url: "https://github.com/Codertocat/Hello-World",
    git_url: "git://github.com/Codertocat/Hello-World.git",
    ssh_url: "git@github.com:Codertocat/Hello-World.git",
    clone_url: "https://github.com/Codertocat/Hello-World.git",
    default_branch: "main",
  },
  pusher: { name: "Codertocat" },
  commits: [],
});
const gitlab = JSON.stringify({
  object_kind: "push",
  event_name: "push",
  ref: "refs/heads/main",
  checkout_sha: "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
  project: {
    id: 15,
    name: "Diaspora",
    web_url: "http://example.com/mike/diaspora",
    git_ssh_url: "git@example.com:mike/diaspora.git",
    git_http_url: "http://example.com/mike/diaspora.git",
    default_branch: "main",
  },
  total_commits_count: 4,
});

test("a push that GitHub signed is passed on, as JSON and as a form", async () => {
  const headers = { "x-github-event": "push", "content-type": "application/json" };
  const answer = await post({ ...headers, "x-hub-signature-256": sign(github) }, github);
  assert.deepEqual(answer, { code: 202, text: "" });
  const urls = JSON.parse(github).repository;
  const expected = {
    repositories: [urls.clone_url, urls.ssh_url, urls.git_url, urls.html_url],
    ref: "refs/heads/main",
    defaultBranch: "main",
  };
  assert.deepEqual(heard, [expected]);
  assert.match(
    lines.join(),
    /"repository":"github.com\/codertocat\/hello-world".*"told":\["flux-system\/platform-main"\]/,
  );
  const form = new URLSearchParams({ payload: github }).toString();
  const asForm = { "x-github-event": "push", "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await post({ ...asForm, "x-hub-signature-256": sign(form) }, form)).code, 202);
  assert.deepEqual(heard, [expected]);
});

test("GitHub's other events are taken and change nothing", async () => {
  const body = '{"zen":"Keep it logically awesome.","hook_id":1}';
  const answer = await post({ "x-github-event": "ping", "x-hub-signature-256": sign(body) }, body);
  assert.equal(answer.code, 204);
  assert.deepEqual(heard, []);
});

test("a push of GitLab is passed on with the right token alone", async () => {
  const headers = { "x-gitlab-event": "Push Hook" };
  assert.equal((await post({ ...headers, "x-gitlab-token": secret }, gitlab)).code, 202);
  assert.equal(heard[0]?.ref, "refs/heads/main");
  assert.ok(heard[0]?.repositories?.includes("git@example.com:mike/diaspora.git"));
  for (const wrong of [`${secret} `.trim().slice(1), `${secret}x`, ""]) {
    assert.deepEqual(await post({ ...headers, "x-gitlab-token": wrong }, gitlab), { code: 401, text: "" });
    assert.deepEqual(heard, []);
  }
});

test("a sender of one's own signs with SHA-2, and names a repository, a ref, or nothing at all", async () => {
  const one = '{"repository":"https://git.example.com/a.git","ref":"refs/heads/next"}';
  for (const hash of ["sha256", "sha384", "sha512"])
    assert.equal((await post({ "x-signature": sign(one, hash) }, one)).code, 202);
  assert.deepEqual(heard, [{ repositories: ["https://git.example.com/a.git"], ref: "refs/heads/next" }]);
  assert.equal((await post({ "x-signature": sign("") }, "")).code, 202);
  assert.deepEqual(heard, [{}]);
  assert.equal((await post({ "x-signature": sign(one, "sha1") }, one)).code, 401);
});

test("whoever does not know the secret learns and changes nothing", async () => {
  const wrong = [
    {},
    { "x-hub-signature-256": sign(github, "sha256", "another secret") },
    { "x-hub-signature-256": sign(`${github} `) },
    { "x-hub-signature-256": "sha256=" },
    { "x-hub-signature-256": createHmac("sha256", secret).update(github).digest("hex") },
    // A header that is right does not make up for one that is wrong.
    { "x-hub-signature-256": "sha256=00", "x-gitlab-token": secret },
    { "x-hub-signature": sign(github, "sha1") },
  ];
  for (const headers of wrong) {
    assert.deepEqual(await post({ "x-github-event": "push", ...headers } as never, github), { code: 401, text: "" });
    assert.deepEqual(heard, []);
    assert.ok(!lines.join().includes(secret) && !lines.join().includes("Hello-World"), lines.join());
  }
});

test("a signed body that is none of its sender's is refused", async () => {
  const bodies = ["{", "[]", "null", "{}", '{"ref":"refs/heads/main"}', '{"repository":{"clone_url":"https://a/b"}}'];
  for (const body of bodies) {
    const answer = await post({ "x-github-event": "push", "x-hub-signature-256": sign(body) }, body);
    assert.deepEqual([body, answer.code], [body, 400]);
    assert.deepEqual(heard, []);
  }
  const generic = '{"repository":{"url":"https://a/b"}}';
  assert.equal((await post({ "x-signature": sign(generic) }, generic)).code, 400);
});

test("a body that is too large is not read to its end, whether or not its length is told", async () => {
  const large = "x".repeat(largest + 1);
  const answer = await post({ "x-signature": sign(large) }, large).catch(() => ({ code: 413 }));
  assert.equal(answer.code, 413);
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("POST /hook HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  const chunk = Buffer.alloc(2 ** 20, "x");
  for (let sent = 0; sent <= largest; sent += chunk.length) socket.write(`100000\r\n${chunk}\r\n`);
  const [said] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  assert.match(said.toString(), /^HTTP\/1\.1 413/);
});

test("other places and methods are not there; health is told to everybody", async () => {
  assert.equal((await post({ "x-signature": sign("") }, "", "/")).code, 404);
  assert.equal((await fetch(`${url}/hook`)).status, 405);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
});

test("a sender hears when the agent could not be told, and not why", async () => {
  fails = true;
  try {
    assert.deepEqual(await post({ "x-signature": sign("{}") }, "{}"), { code: 502, text: "" });
    assert.match(lines.join(), /the API server does not answer/);
  } finally {
    fails = false;
  }
});

test("a repository is the same one, whichever way it is read", () => {
  const ways = [
    "https://github.com/Codertocat/Hello-World.git",
    "https://someone:token@github.com/codertocat/hello-world",
    "ssh://git@github.com/Codertocat/Hello-World.git",
    "ssh://git@github.com:22/Codertocat/Hello-World/",
    "git@github.com:Codertocat/Hello-World.git",
    "git://github.com/Codertocat/Hello-World.git",
  ];
  assert.deepEqual(new Set(ways.map(repositoryKey)), new Set(["github.com/codertocat/hello-world"]));
  assert.notEqual(repositoryKey("https://github.com/a/b"), repositoryKey("https://gitlab.com/a/b"));
  assert.notEqual(repositoryKey("https://github.com/a/b"), repositoryKey("https://github.com/a/b-c"));
  assert.equal(repositoryKey("oci://registry.example.com/charts/shop"), "registry.example.com/charts/shop");
  assert.equal(repositoryKey("nonsense"), undefined);
  assert.equal(repositoryKey("https://github.com/"), undefined);
});

const git = "https://git.example.com/a.git";
const at = (ref?: string, more = {}): PushEvent => ({
  repositories: [git],
  ...(ref !== undefined && { ref }),
  ...more,
});
const meant = (followers: Record<string, Parameters<typeof isMeant>[0]>, event: PushEvent) =>
  Object.entries(followers).flatMap(([name, follower]) => (isMeant(follower, event) ? [name] : []));

test("Flux's sources are told of what they follow", () => {
  const sources = {
    main: followedByFlux(git, { branch: "main" }),
    next: followedByFlux(git, { branch: "next" }),
    tag: followedByFlux(git, { tag: "v1" }),
    range: followedByFlux(git, { semver: ">=1" }),
    fixed: followedByFlux(git, { commit: "a".repeat(40) }),
    other: followedByFlux("https://git.example.com/b.git", { branch: "main" }),
    artifact: followedByFlux("oci://registry.example.com/a", { tag: "v1" }),
    latest: followedByFlux("oci://registry.example.com/a"),
    digest: followedByFlux("oci://registry.example.com/a", { digest: "sha256:aa" }),
  };
  assert.deepEqual(meant(sources, at("refs/heads/main")), ["main"]);
  assert.deepEqual(meant(sources, at("refs/heads/release/1")), []);
  assert.deepEqual(meant(sources, at("refs/tags/v1")), ["tag", "range"]);
  assert.deepEqual(meant(sources, at("refs/tags/v2")), ["range"]);
  assert.deepEqual(meant(sources, at()), ["main", "next", "tag", "range"]);
  const artifact = { repositories: ["oci://registry.example.com/a"] };
  assert.deepEqual(meant(sources, { ...artifact, ref: "v1" }), ["artifact"]);
  assert.deepEqual(meant(sources, artifact), ["artifact", "latest"]);
  assert.deepEqual(meant(sources, {}), ["main", "next", "tag", "range", "other", "artifact", "latest"]);
});

test("Argo CD's Applications are told of what they follow", () => {
  const sources = {
    main: followedByArgoCd(git, "main"),
    head: followedByArgoCd(git),
    tag: followedByArgoCd(git, "v1"),
    range: followedByArgoCd(git, ">=1.0.0 <2"),
    wide: followedByArgoCd(git, "1.x"),
    fixed: followedByArgoCd(git, "a".repeat(40)),
  };
  assert.deepEqual(meant(sources, at("refs/heads/main", { defaultBranch: "main" })), ["main", "head"]);
  assert.deepEqual(meant(sources, at("refs/heads/next", { defaultBranch: "main" })), []);
  assert.deepEqual(meant(sources, at("refs/tags/v1")), ["tag", "range", "wide"]);
});
