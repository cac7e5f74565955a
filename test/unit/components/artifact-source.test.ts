// What is declared for an app whose source is an artifact of a registry, with each agent, and what is refused?
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import {
  App,
  ArgoCd,
  app,
  definePlatform,
  existing,
  Flux,
  flux,
  InvalidDeclaration,
} from "../../../components/index.ts";
import { definitions, named, ofKind, record } from "./recorder.ts";

const repository = "oci://registry.example.com:5443/team/shop";
const credentials = { token: pulumi.secret("hidden"), username: "reader", ca: "-----BEGIN CERTIFICATE-----" };
const digest = `sha256:${"d".repeat(64)}`;

const withFlux = await record(() => {
  const agent = new Flux("agent", { definitions });
  new App("shop", { repository, tag: "v1", path: "deploy", credentials }, { agent });
  new App("range", { repository, semver: ">=1.0.0", path: "deploy", credentials }, { agent });
  new App("open", { repository: "oci://registry.example.com/open", digest, path: "." }, { agent });
});
const withArgoCd = await record(() => {
  const agent = new ArgoCd("agent", { definitions });
  new App("shop", { repository, digest, path: "deploy", kind: "kustomize", credentials }, { agent });
});
const secretIn = (declared: Parameters<typeof named>[0], name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries<string>(named(declared, "Secret", name).data.value).map(([key, text]) => [
      key,
      Buffer.from(text, "base64").toString(),
    ]),
  );

/** Flux's source of a revision: they come in no order. */
const sourceOf = (ref: object) =>
  ofKind(withFlux, "OCIRepository").find(({ inputs }) => isDeepStrictEqual(inputs.spec.ref, ref))?.inputs ??
  assert.fail(JSON.stringify(ref));

test("Flux has an OCIRepository for each tag, range or digest, which the Kustomization names", () => {
  for (const [ref, url] of [
    [{ tag: "v1" }, repository],
    [{ semver: ">=1.0.0" }, repository],
    [{ digest }, "oci://registry.example.com/open"],
  ] as const)
    assert.equal(sourceOf(ref).spec.url, url);
  assert.equal(ofKind(withFlux, "GitRepository").length, 0);
  const { sourceRef } = named(withFlux, "Kustomization", "shop").spec;
  assert.deepEqual(sourceRef, {
    kind: "OCIRepository",
    name: sourceOf({ tag: "v1" }).metadata.name,
    namespace: "flux-system",
  });
  const ports = ofKind(withFlux, "NetworkPolicy")
    .filter(({ inputs }) => inputs.metadata.name.startsWith("to-git-"))
    .map(({ inputs }) => inputs.spec.egress[0].ports[0].port);
  assert.deepEqual(ports.sort(), [443, 5443, 5443]);
});

test("Flux reads the account and the authority from Secrets of their own, which it may get and no other", () => {
  const { secretRef, certSecretRef } = sourceOf({ tag: "v1" }).spec;
  assert.equal(named(withFlux, "Secret", secretRef.name).type, "kubernetes.io/dockerconfigjson");
  assert.deepEqual(JSON.parse(secretIn(withFlux, secretRef.name)[".dockerconfigjson"] ?? ""), {
    auths: { "registry.example.com:5443": { username: "reader", password: "hidden" } },
  });
  assert.deepEqual(secretIn(withFlux, certSecretRef.name), { "ca.crt": credentials.ca });
  const [rule] = named(withFlux, "Role", secretRef.name).rules;
  assert.deepEqual([rule.resourceNames, rule.verbs], [[secretRef.name, certSecretRef.name], ["get"]]);
});

test("Argo CD has the digest as its revision, and the account in a Secret of the type oci", () => {
  const { source } = named(withArgoCd, "Application", "shop").spec;
  assert.deepEqual([source.repoURL, source.targetRevision, source.path], [repository, digest, "deploy"]);
  const secrets = ofKind(withArgoCd, "Secret").map(({ inputs }) => inputs.metadata.name);
  const name = secrets.find((each) => each.startsWith("oci-")) ?? assert.fail(String(secrets));
  const { type, url, username, password } = secretIn(withArgoCd, name);
  assert.deepEqual(
    { type, url, username, password },
    { type: "oci", url: repository, username: "reader", password: "hidden" },
  );
  const [, ...flags] = named(withArgoCd, "Deployment", "argocd-repo-server").spec.template.spec.containers[0].args;
  assert.match(flags.join(" "), /--oci-layer-media-types=\S*application\/vnd\.cncf\.flux\.content\.v1\.tar\+gzip/);
});

const problem = (source: object, more: object = {}) => {
  try {
    const settings = {
      name: "p",
      git: { url: "https://git.example.com/p.git", branch: "main" },
      cluster: existing({}),
      apps: [app({ name: "shop", source: { path: "deploy", ...source }, ...more } as never)],
    };
    definePlatform(settings, { agent: flux({ definitions }) });
  } catch (error) {
    assert.ok(error instanceof InvalidDeclaration);
    return error.message;
  }
  return assert.fail("it was not refused");
};

test("what an artifact does not have, and a digest of Git, are refused", () => {
  const branches = /settings\.apps\.shop\.source\.revision: .*artifacts have no branches and commits/;
  assert.match(problem({ repository }), branches);
  assert.match(problem({ repository, revision: { branch: "main" } }), branches);
  assert.match(problem({ repository, revision: { commit: "a".repeat(40) } }), branches);
  assert.match(problem({ revision: { digest } }), /source\.revision: .*\{ digest \} only with a repository oci:\/\/…/);
  assert.match(problem({ repository, revision: { digest: "sha256:aa" } }), /source\.revision\.digest: .*a digest as/);
  const key = { config: "key" };
  assert.match(
    problem({ repository, revision: { tag: "v1" }, credentials: { githubApp: { id: "1", installation: "2", key } } }),
    /credentials\.githubApp: .*a token and its username with a registry/,
  );
  assert.match(
    problem({ repository, revision: { tag: "v1" }, credentials: { sshKey: key } }),
    /credentials\.sshKey: .*only with an ssh URL/,
  );
});

test("a chart in a folder of an artifact is refused with Flux, and not with Argo CD", async () => {
  const declare = (agent: () => Flux | ArgoCd) =>
    record(() => {
      new App("shop", { repository, tag: "v1", path: "chart", kind: "helm" }, { agent: agent() });
    });
  await assert.rejects(
    declare(() => new Flux("agent", { definitions })),
    /repository: .*for a chart with Flux a Git repository/,
  );
  const declared = await declare(() => new ArgoCd("agent", { definitions }));
  assert.equal(named(declared, "Application", "shop").spec.source.repoURL, repository);
});
