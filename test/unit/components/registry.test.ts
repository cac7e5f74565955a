import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { compareSync } from "bcryptjs";
import { load } from "js-yaml";
import {
  app,
  Distribution,
  type DistributionArgs,
  definePlatform,
  distribution,
  ExternalCertificates,
  ExternalRegistry,
  embedded,
  externalCertificates,
  externalRegistry,
  flux,
} from "../../../components/index.ts";
import { provisionsOf } from "../../../components/provisions.ts";
import { buildLayers } from "../../../components/slot.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const host = "registry.example.com";
const declare = (args: Partial<DistributionArgs> = {}, transform = {}) =>
  record(() => {
    const certificates = new ExternalCertificates("c", { issuer: "letsencrypt" });
    new Distribution("r", { host, ...args }, { certificates, transform });
  });
const plain = (text: string): string => Buffer.from(text, "base64").toString();
// As the engine is told of a secret; what it is not told so would stand in plain state.
const revealed = (secret: { value: Record<string, string> }): Record<string, string> => secret.value;
const registryFile = (resources: readonly Declared[]) =>
  // biome-ignore lint/suspicious/noExplicitAny: a configuration of many forms
  load(named(resources, "ConfigMap", "registry").data["config.yaml"]) as any;
const routes = (resources: readonly Declared[]) =>
  // biome-ignore lint/suspicious/noExplicitAny: a configuration of many forms
  load(named(resources, "ConfigMap", "registry").data["routes.yaml"]) as any;
const pod = (resources: readonly Declared[], kind: string) => named(resources, kind, "registry").spec.template.spec;
const envOf = (resources: readonly Declared[], kind: string) =>
  Object.fromEntries(pod(resources, kind).containers[0].env.map((each: { name: string }) => [each.name, each]));

test("images are kept in a volume that outlives the layer", async () => {
  const resources = await declare({ storage: { filesystem: { size: "5Gi", storageClass: "fast" } } });
  const { spec } = named(resources, "StatefulSet", "registry");
  assert.equal(spec.volumeClaimTemplates[0].spec.resources.requests.storage, "5Gi");
  assert.equal(spec.volumeClaimTemplates[0].spec.storageClassName, "fast");
  assert.deepEqual(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: "Retain", whenScaled: "Retain" });
  assert.deepEqual(registryFile(resources).storage.filesystem, { rootdirectory: "/var/lib/registry" });
  assert.equal(registryFile(resources).storage.delete.enabled, true);
  const [claim] = named(await declare(), "StatefulSet", "registry").spec.volumeClaimTemplates;
  assert.equal(claim.spec.resources.requests.storage, "20Gi");
  assert.equal(ofKind(resources, "CronJob").length, 0);
});

describe("a bucket instead of a volume", () => {
  test("S3 with a role", async () => {
    const s3 = { bucket: "b", region: "eu-central-1", folder: "images", kmsKey: "arn:key" };
    const role = "arn:aws:iam::123456789012:role/registry";
    const resources = await declare({ size: "ha", storage: { s3: { ...s3, role } } });
    assert.deepEqual(registryFile(resources).storage.s3, {
      bucket: "b",
      region: "eu-central-1",
      rootdirectory: "/images",
      encrypt: true,
      keyid: "arn:key",
    });
    assert.equal(registryFile(resources).storage.redirect.disable, false);
    const { annotations } = named(resources, "ServiceAccount", "registry").metadata;
    assert.equal(annotations["eks.amazonaws.com/role-arn"], role);
    assert.equal(named(resources, "Deployment", "registry").spec.replicas, 2);
    assert.equal(ofKind(resources, "PodDisruptionBudget").length, 1);
    assert.equal(ofKind(resources, "StatefulSet").length, 0);
  });
  test("what speaks S3, with keys, at a port that is opened", async () => {
    const key = (name: string) => ({ name: "minio", key: name });
    const resources = await declare({
      storage: {
        s3: {
          bucket: "b",
          region: "us-east-1",
          endpoint: "http://minio.minio:9000",
          accessKey: key("id"),
          secretKey: key("secret"),
        },
        redirect: false,
      },
    });
    const { s3, redirect } = registryFile(resources).storage;
    assert.equal(s3.regionendpoint, "http://minio.minio:9000");
    assert.equal(s3.forcepathstyle, true);
    assert.equal(redirect.disable, true);
    const env = envOf(resources, "Deployment");
    assert.deepEqual(env.AWS_ACCESS_KEY_ID.valueFrom.secretKeyRef, { name: "minio", key: "id" });
    assert.deepEqual(env.AWS_SECRET_ACCESS_KEY.valueFrom.secretKeyRef, { name: "minio", key: "secret" });
    const { spec } = named(resources, "NetworkPolicy", "registry-to-storage");
    assert.deepEqual(spec.egress, [{ ports: [{ protocol: "TCP", port: 9000 }] }]);
  });
  test("Google Cloud Storage", async () => {
    const keyFile = await declare({ storage: { gcs: { bucket: "b", keyFile: { name: "gcs", key: "key.json" } } } });
    assert.deepEqual(registryFile(keyFile).storage.gcs, {
      bucket: "b",
      keyfile: "/etc/distribution/storage/key.json",
    });
    const { volumes, containers } = pod(keyFile, "Deployment");
    assert.equal(volumes.find(({ name }: { name: string }) => name === "storage").secret.secretName, "gcs");
    const mounts = containers[0].volumeMounts as { name: string; mountPath: string }[];
    assert.equal(mounts.find(({ name }) => name === "storage")?.mountPath, "/etc/distribution/storage");
    const serviceAccount = "registry@project.iam.gserviceaccount.com";
    const identity = await declare({ storage: { gcs: { bucket: "b", serviceAccount } } });
    const { annotations } = named(identity, "ServiceAccount", "registry").metadata;
    assert.equal(annotations["iam.gke.io/gcp-service-account"], serviceAccount);
  });
  test("Azure", async () => {
    const azure = { account: "images", container: "c" };
    const clientId = "11111111-2222-3333-4444-555555555555";
    const identity = await declare({ storage: { azure: { ...azure, clientId } } });
    assert.deepEqual(registryFile(identity).storage.azure, {
      accountname: "images",
      container: "c",
      credentials: { type: "default_credentials" },
    });
    const { template } = named(identity, "Deployment", "registry").spec;
    assert.equal(template.metadata.labels["azure.workload.identity/use"], "true");
    const { annotations } = named(identity, "ServiceAccount", "registry").metadata;
    assert.equal(annotations["azure.workload.identity/client-id"], clientId);
    const keyed = await declare({ storage: { azure: { ...azure, accountKey: { name: "azure", key: "key" } } } });
    assert.equal(registryFile(keyed).storage.azure.credentials.type, "shared_key");
    const env = envOf(keyed, "Deployment");
    assert.deepEqual(env.REGISTRY_STORAGE_AZURE_ACCOUNTKEY.valueFrom.secretKeyRef, { name: "azure", key: "key" });
  });
});

test("the certificate is for the host, and for the address where one is named", async () => {
  const { spec } = named(await declare(), "Certificate", "registry");
  assert.deepEqual(spec.dnsNames, [host]);
  assert.equal(spec.ipAddresses, undefined);
  const fixed = await declare({ address: "10.96.0.50", serviceType: "LoadBalancer", serviceAnnotations: { a: "b" } });
  assert.deepEqual(named(fixed, "Certificate", "registry").spec.ipAddresses, ["10.96.0.50"]);
  const service = named(fixed, "Service", "registry");
  assert.equal(service.spec.clusterIP, "10.96.0.50");
  assert.equal(service.spec.type, "LoadBalancer");
  assert.deepEqual(service.metadata.annotations, { a: "b" });
  const own = await record(() => new Distribution("r", { host, certificate: "own", namespace: "images" }));
  assert.equal(ofKind(own, "Certificate").length, 0);
  const { projected } = pod(own, "StatefulSet").volumes.find(({ name }: { name: string }) => name === "dynamic");
  assert.ok(projected.sources.some(({ secret }: { secret?: { name: string } }) => secret?.name === "own"));
  assert.equal(named(own, "StatefulSet", "registry").metadata.namespace, "images");
});

test("passwords are made once, known to the programs as hashes, and pull is not push", async () => {
  let pushPassword = "";
  const resources = await record(() => {
    const certificates = new ExternalCertificates("c", { issuer: "letsencrypt" });
    const registry = new Distribution("r", { host }, { certificates });
    registry.pullSecret("shop", "shop", {});
    pulumi.output(registry.pushPassword).apply((password) => {
      pushPassword = password ?? "";
    });
  });
  const made = revealed(named(resources, "Secret", "registry-accounts").data);
  assert.equal(new Set(Object.values(made)).size, 3);
  for (const value of Object.values<string>(made)) assert.match(plain(value), /^[0-9a-f]{48}$/);
  assert.equal(pushPassword, plain(made.push ?? ""));
  const users = revealed(named(resources, "Secret", "registry-users").data);
  const lines = Object.fromEntries(
    plain(users.htpasswd ?? "")
      .trim()
      .split("\n")
      .map((line) => line.split(":")),
  ) as Record<string, string>;
  for (const account of ["pull", "push"]) assert.ok(compareSync(plain(made[account] ?? ""), lines[account] ?? ""));
  const { middlewares } = (load(plain(users["push.yaml"] ?? "")) as { http: { middlewares: Record<string, never> } })
    .http;
  assert.deepEqual(middlewares, {
    "push-only": { basicAuth: { realm: host, users: [`push:${lines.push}`] } },
  });
  const { type, data, metadata } = named(resources, "Secret", "registry");
  assert.equal(type, "kubernetes.io/dockerconfigjson");
  assert.equal(metadata.namespace, "shop");
  const { auths } = JSON.parse(plain(revealed(data)[".dockerconfigjson"] ?? ""));
  assert.deepEqual(Object.keys(auths), [host]);
  assert.equal(plain(auths[host].auth), `pull:${plain(made.pull ?? "")}`);
});

test("another generation has passwords of its own, and the programs are told", async () => {
  const resources = await declare({ passwordGeneration: 2 });
  assert.ok(named(resources, "Secret", "registry-accounts-2"));
  assert.equal(envOf(resources, "StatefulSet").REGISTRY_HTTP_SECRET.valueFrom.secretKeyRef.name, "registry-accounts-2");
});

test("whatever is not a read has to be the account that pushes", async () => {
  const { routers } = routes(await declare()).http;
  assert.equal(routers.reads.middlewares, undefined);
  assert.ok(routers.reads.priority > routers.writes.priority);
  assert.deepEqual(routers.writes.middlewares, ["push-only"]);
});

test("an upstream's images are passed on; nobody pushes", async () => {
  const secret = (key: string) => ({ name: "hub", key });
  const upstream = { url: "https://registry-1.docker.io", username: secret("u"), password: secret("p") };
  const resources = await declare({ upstream });
  assert.equal(registryFile(resources).proxy.remoteurl, upstream.url);
  assert.deepEqual(Object.keys(routes(resources).http.routers), ["reads"]);
  const env = envOf(resources, "StatefulSet");
  assert.deepEqual(env.REGISTRY_PROXY_PASSWORD.valueFrom.secretKeyRef, { name: "hub", key: "p" });
  assert.deepEqual(env.REGISTRY_PROXY_USERNAME.valueFrom.secretKeyRef, { name: "hub", key: "u" });
});

test("garbage is collected where the volume is", async () => {
  const resources = await declare({ garbageCollection: { schedule: "0 3 * * 0", untagged: true } });
  const { spec } = named(resources, "CronJob", "registry-garbage-collection");
  assert.equal(spec.schedule, "0 3 * * 0");
  const job = spec.jobTemplate.spec.template.spec;
  assert.deepEqual(job.containers[0].args, [
    "garbage-collect",
    "--delete-untagged",
    "/etc/distribution/config/config.yaml",
  ]);
  const data = job.volumes.find(({ name }: { name: string }) => name === "data");
  assert.equal(data.persistentVolumeClaim.claimName, "data-registry-0");
  assert.equal(job.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution.length, 1);
  const { selector } = named(resources, "Service", "registry").spec;
  assert.notEqual(
    spec.jobTemplate.spec.template.metadata.labels["app.kubernetes.io/name"],
    selector["app.kubernetes.io/name"],
  );
});

test("code may change the workload", async () => {
  const one = await declare({}, { statefulSet: (args: object) => ({ ...args, metadata: { name: "changed" } }) });
  assert.ok(named(one, "StatefulSet", "changed"));
  const storage = { s3: { bucket: "b", region: "eu-central-1" } };
  const other = await declare({ storage }, { deployment: (args: object) => ({ ...args, metadata: { name: "new" } }) });
  assert.ok(named(other, "Deployment", "new"));
});

describe("everything that is wrong is said at once, before anything is declared", () => {
  for (const [args, fields] of [
    [{ host: "https://x" }, ["host: found"]],
    [{ size: "ha" }, ['size: found "ha"; allowed: "single" with a volume']],
    [{ size: "many", serviceType: "x" }, ["size", "serviceType"]],
    [{ storage: { filesystem: { size: "5" } } }, ["storage.filesystem.size"]],
    [{ storage: { filesystem: {}, s3: { bucket: "b", region: "r" } } }, ['"filesystem and s3"; allowed: one of']],
    [{ storage: { s3: { bucket: "b", region: "r", role: "admin" } } }, ["storage.s3.role"]],
    [{ storage: { s3: { bucket: "b", region: "r", accessKey: { name: "a", key: "b" } } } }, ["or neither"]],
    [{ storage: { redirect: false } }, ["storage.redirect"]],
    [{ storage: { disk: {} } }, ["storage.disk"]],
    [{ garbageCollection: { schedule: "sometimes" } }, ["garbageCollection.schedule"]],
    [{ upstream: { url: "docker.io" } }, ["upstream.url"]],
    [{ upstream: { url: "https://docker.io" }, garbageCollection: { schedule: "@daily" } }, ["garbageCollection"]],
    [{ address: "300.1.1.1" }, ["address"]],
    [{ certificate: "own" }, ["certificate"]],
    [{ passwordGeneration: 0 }, ["passwordGeneration"]],
  ] as const) {
    test(JSON.stringify(args), async () => {
      await assert.rejects(
        declare(args as Partial<DistributionArgs>),
        (error: Error) => fields.every((field) => error.message.includes(field)) || assert.fail(error.message),
      );
    });
  }
  test("no certificate at all", () => {
    assert.throws(() => new Distribution("r", { host }), /certificate: found nothing; allowed: name of a Secret/);
  });
  test("an external registry", () => {
    const wrong = { host: "https://ghcr.io/acme", username: "bot" };
    assert.throws(() => new ExternalRegistry("r", wrong), /host[\s\S]*password: found nothing/);
  });
});

describe("as a layer", () => {
  const apps = [app({ name: "shop", source: { path: "apps/shop" } })];
  const git = { url: "https://git.example.com/platform.git", branch: "main" };
  test("it needs certificates, and says where nodes pull", () => {
    const settings = { name: "p", git, cluster: embedded(), apps };
    // @ts-expect-error the slot certificates is missing
    assert.throws(() => definePlatform(settings, { agent: flux(), registry: distribution({ host }) }), /certificates/);
    assert.equal(distribution({ host }).pulled, undefined);
    assert.deepEqual(distribution({ host, address: "10.96.0.50" }).pulled, {
      host,
      address: "10.96.0.50",
      namespace: "distribution",
      certificate: "registry-certificate",
      accounts: "registry-accounts",
    });
  });
  for (const [name, registry, secrets] of [
    ["an account", externalRegistry({ host: "ghcr.io", username: "bot", password: "word" }), 1],
    ["none, since nodes pull by themselves", externalRegistry({ host: "x.dkr.ecr.eu-central-1.amazonaws.com" }), 0],
    ["Distribution", distribution({ host }), 3],
  ] as const) {
    test(`an app gets the Secret to pull with: ${name}`, async () => {
      const resources = await record(() => {
        const layers = { certificates: externalCertificates({ issuer: "i" }), registry };
        const cluster = { audiences: [] } as never;
        const built = buildLayers(layers, { cluster }, (slot) => `p-${slot}`, {});
        // biome-ignore lint/style/noNonNullAssertion: declared above
        provisionsOf("p-shop", apps[0]!, built)(pulumi.output("shop"), {});
        assert.equal(built.registry?.pushCredentials !== undefined, registry.implementation === "distribution");
      });
      assert.equal(ofKind(resources, "Secret").length, secrets);
    });
  }
});
