// Whose signatures an app asks for: what a stack may say, and what each agent is given.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyIds } from "../../../components/delivery/verification.ts";
import {
  App,
  ArgoCd,
  app,
  definePlatform,
  embedded,
  Flux,
  flux,
  InvalidDeclaration,
  Signed,
} from "../../../components/index.ts";
import { signer } from "../../signatures.ts";
import { named, ofKind, record } from "./recorder.ts";

const repository = "https://git.example.com/platform.git";
const [ada, bob] = [signer("Ada"), signer("Bob")];
const keys = [ada.publicKey, bob.publicKey];

test("the identifier of a key is that of its fingerprint", () => {
  assert.deepEqual(keyIds(ada.publicKey), [ada.id]);
  assert.deepEqual(keyIds("nothing"), []);
});

test("Flux verifies with a Secret of keys beside the source", async () => {
  const declared = await record(() => {
    const agent = new Flux("agent", {});
    new App("head", { repository, path: "a", verify: { keys } }, { agent });
    new App("other", { repository, path: "b", verify: { keys: [...keys] } }, { agent });
    new App("tag", { repository, path: "a", tag: "v1", verify: { keys } }, { agent });
    const both = { mode: Signed.TagAndHead, keys };
    new App("both", { repository: `${repository}x`, path: "a", semver: "1.x", verify: both }, { agent });
    assert.throws(
      () => new App("none", { repository, path: "c" }, { agent }),
      /verify: .*the same value as the other apps/,
    );
  });
  const sources = ofKind(declared, "GitRepository").map(({ inputs }) => inputs.spec);
  assert.deepEqual(
    sources.map(({ verify }) => verify.mode),
    ["HEAD", "Tag", "TagAndHEAD"],
  );
  const { name } = sources[0].verify.secretRef;
  const { value } = named(declared, "Secret", name).data;
  const texts = Object.values(value as Record<string, string>).map((text) => Buffer.from(text, "base64").toString());
  assert.deepEqual(texts, keys);
  const [rule] = named(declared, "Role", name.replace(/-keys$/, "")).rules;
  assert.deepEqual(rule.resourceNames, [name]);
  assert.equal(sources[0].secretRef, undefined);
});

test("Argo CD verifies by its list of keys and those of the project", async () => {
  const declared = await record(() => {
    const agent = new ArgoCd("agent", {});
    new App("shop", { repository, path: "a", kind: "yaml", verify: { keys } }, { agent });
    new App("open", { repository: `${repository}x`, path: "a", kind: "yaml" }, { agent });
    const wrong = {
      repository,
      path: "a",
      kind: "yaml",
      tag: "v1",
      verify: { mode: Signed.TagAndHead, keys },
    } as const;
    assert.throws(() => new App("both", wrong, { agent }), /verify\.mode: .*"tag" for this revision with argoCd/);
  });
  assert.deepEqual(named(declared, "AppProject", "shop").spec.signatureKeys, [{ keyID: ada.id }, { keyID: bob.id }]);
  assert.equal(named(declared, "AppProject", "open").spec.signatureKeys, undefined);
  assert.deepEqual(named(declared, "ConfigMap", "argocd-gpg-keys-cm").data, { [ada.id]: keys[0], [bob.id]: keys[1] });
  const enabled = (resources: typeof declared) => {
    const [container] = named(resources, "Deployment", "argocd-repo-server").spec.template.spec.containers;
    return container.env.find((each: { name: string }) => each.name === "ARGOCD_GPG_ENABLED").value;
  };
  assert.equal(enabled(declared), "true");
  assert.equal(enabled(await record(() => new ArgoCd("agent", {}))), "false");
});

const declaring = (verify: unknown, revision?: object) => () =>
  definePlatform(
    {
      name: "p",
      git: { url: repository, branch: "main", verify: verify as never },
      cluster: embedded(),
      apps: [app({ name: "shop", source: { path: "a", ...(revision && { revision: revision as never }) } })],
    },
    { agent: flux() },
  );
const wrong: [string, unknown, RegExp][] = [
  ["no key", { keys: [] }, /settings\.git\.verify\.keys: .*public key of GnuPG/],
  [
    "a key of SSH",
    { keys: ["ssh-ed25519 AAAA"] },
    /verify\.keys\.0: .*neither Flux nor Argo CD verifies signatures of SSH/,
  ],
  [
    "a broken key",
    { keys: [ada.publicKey.replace(/\n\n[\s\S]*?\n-/, "\n\nAAAA\n-")] },
    /verify\.keys\.0: .*a whole public key/,
  ],
  ["a tag where a branch is followed", { mode: "tag", keys }, /apps\.shop\.source\.verify\.mode: .*"head"/],
  ["an unknown mode", { mode: "always", keys }, /verify\.mode: .*one of head, tag, tag-and-head/],
];
for (const [what, verify, says] of wrong) {
  test(`refused: ${what}`, () => {
    assert.throws(declaring(verify), (error) => error instanceof InvalidDeclaration && says.test(error.message));
  });
}

test("a tag is verified where one is followed, without a word", () => {
  assert.doesNotThrow(declaring({ keys }, { tag: "v1" }));
  assert.doesNotThrow(declaring({ mode: "tag-and-head", keys }, { semver: "1.x" }));
});
