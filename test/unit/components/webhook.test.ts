// What is declared for a receiver of push events, with each agent, and what is refused?
import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { ArgoCd, argoCd, definePlatform, existing, Flux, flux, InvalidDeclaration } from "../../../components/index.ts";
import { definitions, named, ofKind, record } from "./recorder.ts";

const expose = (made: string[]) => ({
  host: "hooks.example.com",
  ingress: {
    expose: (_: string, { host, service, certificate }: { host: string; service: string; certificate?: string }) => {
      made.push(`${host} ${service} ${certificate}`);
      return undefined as never;
    },
  },
  certificates: {
    issue: (_: string, { hosts, secret }: { hosts: readonly string[]; secret: string }) => {
      made.push(`${hosts} ${secret}`);
      return undefined as never;
    },
  },
});

const exposures: string[] = [];
const plain = await record(() => {
  new Flux("agent", { definitions });
});
const withFlux = await record(() => {
  new Flux("agent", { definitions, webhook: {}, mirror: "plumbline.local" });
});
const withArgoCd = await record(() => {
  new ArgoCd(
    "agent",
    { definitions, webhook: { secret: pulumi.secret("as the stack says") } },
    { webhook: expose(exposures) as never },
  );
});

/** What the Secret holds; Pulumi hides it in the state. */
const secretOf = (declared: Parameters<typeof named>[0]): string => {
  const { data } = named(declared, "Secret", "webhook");
  return Buffer.from(data.value.secret, "base64").toString();
};

test("without it there is no receiver", () => {
  assert.ok(!plain.some(({ name }) => name.endsWith("-webhook")));
});

test("its rights are to find and to annotate what follows repositories, and nothing else", () => {
  const group = "source.toolkit.fluxcd.io";
  assert.deepEqual(named(withFlux, "Role", "webhook").rules, [
    { apiGroups: [group], resources: ["gitrepositories", "ocirepositories"], verbs: ["list", "patch"] },
  ]);
  assert.ok(!ofKind(withFlux, "ClusterRole").some(({ name }) => name.includes("webhook")));
  assert.deepEqual(named(withArgoCd, "ClusterRole", "plumbline:webhook").rules, [
    { apiGroups: ["argoproj.io"], resources: ["applications"], verbs: ["list", "patch"] },
  ]);
});

test("its secret is one that is made, or the stack's; its pod reads it from a file", () => {
  const made = secretOf(withFlux);
  assert.match(made, /^[0-9a-f]{64}$/);
  assert.equal(secretOf(withArgoCd), "as the stack says");
  const pod = named(withFlux, "Deployment", "webhook").spec.template.spec;
  assert.equal(pod.containers[0].image, "plumbline.local/library/node:24.21.0-alpine3.24");
  assert.ok(!JSON.stringify(pod).includes("secretKeyRef"));
  assert.deepEqual(pod.volumes[1].secret, { secretName: "webhook", defaultMode: 0o440 });
});

test("its program is whole: each file that one imports is there", () => {
  const { data } = named(withFlux, "ConfigMap", "webhook");
  const imported = Object.values<string>(data).flatMap((text) =>
    [...text.matchAll(/from "\.\/([^"]+)"/g)].map(([, file]) => file ?? ""),
  );
  assert.ok(imported.length > 5);
  for (const file of imported) assert.ok(file in data, `${file} is none of ${Object.keys(data)}`);
});

test("with a host it has a certificate and an exposure, and nobody else comes to it", () => {
  assert.deepEqual(exposures, [
    "hooks.example.com webhook-certificate",
    "hooks.example.com webhook webhook-certificate",
  ]);
  const [rule] = named(withArgoCd, "NetworkPolicy", "webhook").spec.ingress;
  assert.deepEqual(rule.from, [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "ingress" } } }]);
});

test("a layer says what it needs, and that it brings a receiver", () => {
  assert.deepEqual(flux({ webhook: { host: "hooks.example.com" } }).needs, ["cluster", "ingress", "certificates"]);
  assert.deepEqual([flux({ webhook: {} }).needs, flux({ webhook: {} }).parts], [["cluster"], ["webhook"]]);
  assert.deepEqual([argoCd().needs, argoCd().parts], [["cluster"], undefined]);
});

test("a host without the layers that it needs does not compile, and is refused", () => {
  const settings = {
    name: "p",
    git: { url: "https://git.example.com/p.git", branch: "main" },
    cluster: existing({}),
    apps: [],
  };
  assert.throws(
    // @ts-expect-error: there is no layer for the slots "ingress" and "certificates"
    () => definePlatform(settings, { agent: argoCd({ webhook: { host: "hooks.example.com" } }) }),
    /layers\.ingress: found nothing; allowed: a layer for slot "ingress", which argo-cd needs/,
  );
});

test("a wrong host, a secret in the file and an unknown field are refused, without printing the secret", () => {
  const refused = (webhook: unknown) => {
    try {
      flux({ webhook: webhook as never });
    } catch (error) {
      assert.ok(error instanceof InvalidDeclaration);
      return error.message;
    }
    return assert.fail("it was not refused");
  };
  assert.match(refused({ host: "Hooks" }), /layers\.agent\.webhook\.host: found "Hooks"; allowed: a DNS name/);
  const message = refused({ secret: "hunter2-hunter2-hunter2" });
  assert.match(message, /layers\.agent\.webhook\.secret: .*a key of the stack's configuration/);
  assert.ok(!message.includes("hunter2"), message);
  assert.match(refused({ path: "/x" }), /layers\.agent\.webhook\.path: .*no such field/);
});

test("a secret of the configuration that is missing or too short is refused, without printing it", async () => {
  const build = (config: string) =>
    record(() => {
      const layer = flux({ definitions, webhook: { secret: { config } } });
      const cluster = { audiences: [], mirror: undefined } as never;
      layer.build("agent", { cluster }, {});
    });
  pulumi.runtime.setAllConfig({ "plumbline:short": "tooshort" });
  await assert.rejects(
    build("absent"),
    /layers\.agent\.webhook\.secret: .*pulumi config set --secret plumbline:absent/,
  );
  await assert.rejects(
    build("short"),
    ({ message }: Error) => /of 8 characters/.test(message) && !message.includes("tooshort"),
  );
});
