import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { compareSync } from "bcryptjs";
import { charts } from "../../../components/chart-versions.ts";
import {
  definePlatform,
  ExternalCertificates,
  embedded,
  Harbor,
  type HarborArgs,
  harbor,
  Traefik,
} from "../../../components/index.ts";
import { makeKeys } from "../../../components/registry/harbor-keys.ts";
import { unknownKeys } from "../../chart.ts";
import { golden } from "../../golden.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const args: HarborArgs = {
  host: "harbor.example.com",
  projects: [{ name: "shop" }],
  robots: [{ name: "ci", projects: ["shop"], push: true, namespace: "builds" }],
};
const outside: HarborArgs = {
  host: "harbor.example.com",
  namespace: "images",
  size: "ha",
  certificate: "harbor-tls",
  keys: "restored-keys",
  mirror: "mirror.example.com/vendors/",
  storage: { s3: { bucket: "images", region: "eu-central-1", role: "arn:aws:iam::123456789012:role/harbor" } },
  database: {
    host: "db.example.com",
    port: 5433,
    username: "harbor",
    secret: "harbor-database",
    sslMode: "verify-full",
  },
  redis: { address: "one.example.com:26379,two.example.com:26379", sentinelMaster: "harbor", tls: true },
  oidc: {
    name: "sso",
    endpoint: "https://sso.example.com:8443",
    clientId: "harbor",
    clientSecret: { name: "sso", key: "secret" },
  },
  proxyCaches: [{ name: "internal", kind: "harbor", url: "http://harbor.internal:8081" }],
};
const simple = { ...args, certificate: "harbor-tls" };
const signed = () => ({ certificates: new ExternalCertificates("c", { issuer: "letsencrypt" }) });

const valuesOf = (resources: readonly Declared[]) => ofKind(resources, "Chart")[0]?.inputs.values;
const platform = await record(() => {
  const registry = new Harbor("r", args, { ...signed(), ingress: new Traefik("i") });
  registry.pullSecret("shop-registry", "shop", {});
});
const alone = await record(() => new Harbor("r", outside));

describe("the values of the chart", () => {
  const variants: Record<string, HarborArgs> = {
    "on a volume": { ...simple, storage: { filesystem: { size: "80Gi", storageClass: "fast" } } },
    "in what speaks S3": {
      ...simple,
      storage: {
        s3: { bucket: "b", region: "r", endpoint: "http://minio:9000", folder: "/harbor", secret: "minio" },
      },
    },
    "in GCS": { ...simple, storage: { gcs: { bucket: "b", folder: "/h", secret: "gcs" } } },
    "in GCS by identity": {
      ...simple,
      storage: { gcs: { bucket: "b", serviceAccount: "harbor@acme.iam.gserviceaccount.com" } },
    },
    "in Azure": { ...simple, storage: { azure: { account: "acme", container: "images", secret: "azure" } } },
    "with volumes of a class": {
      ...simple,
      volumes: { database: "20Gi", redis: "2Gi", trivy: "5Gi", storageClass: "fast" },
    },
    outside,
  };
  for (const [title, each] of Object.entries(variants)) {
    test(`are all known to the vendor's chart of that version: ${title}`, async () => {
      assert.deepEqual(unknownKeys(valuesOf(await record(() => new Harbor("r", each))), charts.harbor), []);
    });
  }
  test("behind an ingress, alone, and with everything outside, are what was reviewed", async () => {
    golden("harbor", valuesOf(platform));
    golden("harbor-outside", valuesOf(alone));
    golden("harbor-alone", valuesOf(await record(() => new Harbor("r", simple))));
  });
  test("name Secrets and hold no password", async () => {
    const keys = await makeKeys("somebody");
    for (const each of [platform, alone]) {
      const text = JSON.stringify(valuesOf(each));
      assert.doesNotMatch(text, /Harbor12345|changeit|not-a-secure-key|PRIVATE KEY/);
    }
    const named = JSON.stringify(valuesOf(platform)).match(/"harbor-keys"/g);
    // Each of the chart's own passwords, and the variable of its database.
    assert.equal(named?.length, 10);
    for (const value of Object.values(keys)) assert.ok(!JSON.stringify(valuesOf(platform)).includes(value));
  });
  test("are the transform's in the end", async () => {
    const resources = await record(
      () => new Harbor("r", simple, { transform: { values: (values) => ({ ...values, logLevel: "debug" }) } }),
    );
    assert.equal(valuesOf(resources).logLevel, "debug");
  });
  test("the chart is the pinned one, unless the stack names another with its digest", async () => {
    assert.equal(ofKind(platform, "Chart")[0]?.inputs.chart, "harbor-1.19.2.tgz");
    const other = await record(
      () => new Harbor("r", { ...simple, chart: { version: "1.19.3", digest: "a".repeat(64) } }),
    );
    assert.equal(ofKind(other, "Chart")[0]?.inputs.chart, "harbor-1.19.3.tgz");
  });
});

describe("keys", () => {
  test("are what Harbor's parts take", async () => {
    const keys = await makeKeys("somebody");
    const [user, hash = ""] = keys.REGISTRY_HTPASSWD?.split(":") ?? [];
    assert.equal(user, "somebody");
    assert.ok(compareSync(keys.REGISTRY_PASSWD ?? "", hash));
    assert.match(keys.secretKey ?? "", /^[A-Za-z0-9]{16}$/);
    assert.match(keys.CSRF_KEY ?? "", /^[A-Za-z0-9]{32}$/);
    const certificate = new X509Certificate(keys["tls.crt"] ?? "");
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(certificate.publicKey.asymmetricKeyType, "rsa");
    assert.match(keys["tls.key"] ?? "", /^-----BEGIN RSA PRIVATE KEY-----/);
    const { createPrivateKey, createPublicKey } = await import("node:crypto");
    const own = createPublicKey(createPrivateKey(keys["tls.key"] ?? "")).export({ type: "spki", format: "pem" });
    assert.equal(own, certificate.publicKey.export({ type: "spki", format: "pem" }));
    assert.ok(Date.parse(certificate.validTo) > Date.now() + 9 * 365 * 86_400_000);
    assert.notEqual((await makeKeys("somebody")).secretKey, keys.secretKey);
  });
  test("are in a Secret that cannot be changed, or in one that is there already", () => {
    assert.equal(named(platform, "Secret", "harbor-keys").immutable, true);
    assert.equal(
      ofKind(alone, "Secret").some(({ inputs }) => inputs.metadata.name === "harbor-keys"),
      false,
    );
    assert.equal(valuesOf(alone).core.existingSecret, "restored-keys");
  });
});

describe("what stands around the chart", () => {
  test("the ingress has the certificate and leads to Harbor's front", () => {
    const ingress = ofKind(platform, "Ingress").find(({ inputs }) => inputs.spec.tls)?.inputs;
    assert.equal(ingress.metadata.namespace, "harbor");
    assert.deepEqual(ingress.spec.tls, [{ hosts: [args.host], secretName: "harbor-certificate" }]);
    assert.deepEqual(ingress.spec.rules[0].http.paths[0].backend.service, { name: "harbor", port: { number: 80 } });
    const issued = platform.find(({ inputs }) => inputs.kind === "Certificate")?.inputs;
    assert.equal(issued.spec.secretName, "harbor-certificate");
    assert.deepEqual(issued.spec.dnsNames, [args.host]);
  });
  test("images on a volume have a claim of their own; a role comes by the ServiceAccount", () => {
    assert.equal(named(platform, "PersistentVolumeClaim", "harbor-images").spec.resources.requests.storage, "50Gi");
    assert.equal(ofKind(alone, "PersistentVolumeClaim").length, 0);
    assert.equal(
      named(alone, "ServiceAccount", "harbor").metadata.annotations["eks.amazonaws.com/role-arn"],
      "arn:aws:iam::123456789012:role/harbor",
    );
  });
  test("only what is reached outside is open to the outside", () => {
    const ports = (resources: readonly Declared[]) =>
      named(resources, "NetworkPolicy", "harbor-parts")
        .spec.egress.slice(1)
        .flatMap((rule: { ports: { port: number }[] }) => rule.ports.map(({ port }) => port));
    assert.deepEqual(ports(platform), []);
    assert.deepEqual(ports(alone), [5433, 6379, 8081, 8443, 26379]);
    const [front] = named(platform, "NetworkPolicy", "harbor-front").spec.ingress;
    assert.deepEqual(front.from, [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "ingress" } } }]);
    const [figures] = named(platform, "NetworkPolicy", "harbor-figures").spec.ingress;
    assert.deepEqual(figures.ports, [{ protocol: "TCP", port: 8001 }]);
  });
  test("apps pull as one robot, whoever is named pushes as another", () => {
    const auths = (name: string, namespace: string) => {
      const found = ofKind(platform, "Secret").find(
        ({ inputs }) => inputs.metadata.name === name && inputs.metadata.namespace === namespace,
      )?.inputs;
      assert.equal(found.type, "kubernetes.io/dockerconfigjson");
      return JSON.parse(Buffer.from(found.data.value[".dockerconfigjson"], "base64").toString()).auths[args.host];
    };
    const passwordOf = (robot: string) =>
      Buffer.from(named(platform, "Secret", `harbor-robot-${robot}`).data.value.password, "base64").toString();
    const pull = auths("registry", "shop");
    assert.deepEqual([pull.username, pull.password], ["robot$plumbline-pull", passwordOf("plumbline-pull")]);
    const ci = auths("robot-ci", "builds");
    assert.deepEqual([ci.username, ci.password], ["robot$ci", passwordOf("ci")]);
    assert.match(pull.password, /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d).{8,128}$/);
  });
});

describe("the Job of the settings", () => {
  const job = (resources: readonly Declared[]) => ofKind(resources, "Job")[0]?.inputs;
  const settings = (resources: readonly Declared[]) =>
    ofKind(resources, "ConfigMap").find(({ inputs }) => inputs.metadata.name.startsWith("harbor-settings"))?.inputs;
  test("is another one when the settings are, and the same one when they are not", async () => {
    const again = await record(() => new Harbor("r", args, { ...signed(), ingress: new Traefik("i") }));
    assert.equal(job(again).metadata.name, job(platform).metadata.name);
    const other = await record(
      () => new Harbor("r", { ...args, projects: [{ name: "shop", public: true }] }, signed()),
    );
    assert.notEqual(job(other).metadata.name, job(platform).metadata.name);
    assert.match(job(other).metadata.name, /^harbor-settings-[0-9a-f]{10}$/);
  });
  test("runs the program of its ConfigMap, with passwords as files", () => {
    const { spec } = job(alone).spec.template;
    const [container] = spec.containers;
    assert.equal(container.image, "mirror.example.com/vendors/library/node:24.21.0-alpine3.24");
    assert.deepEqual(container.command, ["node", "/settings/main.ts", "/settings/settings.json", "/secrets"]);
    assert.equal(container.env, undefined);
    const { data } = settings(alone);
    assert.deepEqual(Object.keys(data).sort(), [
      "api.ts",
      "apply.ts",
      "main.ts",
      "package.json",
      "run.ts",
      "settings.json",
    ]);
    // Only what Node has, and what stands beside it.
    for (const [file, text] of Object.entries<string>(data)) {
      for (const [, from = ""] of text.matchAll(/^import (?!type).* from "(.*)";$/gm)) {
        assert.ok(from.startsWith("node:") || from.slice(2) in data, `${file} imports ${from}`);
      }
    }
    assert.deepEqual(
      spec.volumes[1].projected.sources.map(
        ({ secret: { name, items } }: { secret: { name: string; items: { key: string; path: string }[] } }) => [
          name,
          items[0]?.key,
          items[0]?.path,
        ],
      ),
      [
        ["restored-keys", "HARBOR_ADMIN_PASSWORD", "admin"],
        ["sso", "secret", "oidc"],
        ["harbor-robot-plumbline-pull", "password", "robot-plumbline-pull"],
        ["harbor-robot-plumbline-push", "password", "robot-plumbline-push"],
      ],
    );
  });
  test("is the transform's in the end", async () => {
    const resources = await record(
      () =>
        new Harbor("r", simple, {
          transform: { job: (each) => ({ ...each, metadata: { ...each.metadata, annotations: { a: "b" } } }) },
        }),
    );
    assert.equal(job(resources).metadata.annotations.a, "b");
  });
});

describe("wrong arguments", () => {
  const problems = (wrong: HarborArgs) => {
    try {
      new Harbor("r", wrong);
    } catch (error) {
      const found = (error as { problems?: { field: string; allowed: string }[] }).problems;
      if (found) return found.map(({ field, allowed }) => `${field}: ${allowed}`);
      throw error;
    }
    throw new Error("nothing was refused");
  };
  test("are all said at once", () => {
    const found = problems({
      host: "",
      size: "large" as never,
      storage: { filesystem: {}, s3: { bucket: "b", region: "r" } },
      database: { host: "db", username: "harbor" } as never,
      redis: { address: "cache" },
      projects: [{ name: "Shop", blockSeverity: "bad", retention: { schedule: "0 3 * * *", rules: [{}] } }],
      proxyCaches: [{ name: "internal", kind: "harbor", username: "me" }],
      robots: [{ name: "plumbline-pull", projects: [] }],
      garbageCollection: { schedule: "daily" },
      oidc: {
        name: "sso",
        endpoint: "http://sso",
        clientId: "h",
        clientSecret: { name: "s", key: "k" },
        adminGroup: "g",
      },
    });
    assert.deepEqual(found.map((line) => line.split(": ")[0]).sort(), [
      "database.secret",
      "garbageCollection.schedule",
      "host",
      "oidc.adminGroup",
      "oidc.endpoint",
      "projects.0.blockSeverity",
      "projects.0.name",
      "projects.0.retention.rules.0",
      "projects.0.retention.schedule",
      "proxyCaches.0.password",
      "proxyCaches.0.url",
      "redis.address",
      "robots.0.name",
      "robots.0.projects",
      "size",
      "storage",
      "storage.s3.secret",
    ]);
    assert.ok(found.includes("database.secret: name of a Secret with `password`, in the namespace of this layer"));
  });
  test("that contradict each other name what goes together", () => {
    assert.deepEqual(
      problems({
        host: "harbor.example.com",
        size: "ha",
        storage: { filesystem: { size: "10Gi" } },
        projects: [{ name: "shop", groups: { team: "developer" } }, { name: "shop" }],
        proxyCaches: [{ name: "hub", kind: "docker-hub" }],
        robots: [
          { name: "ci", projects: ["shops", "library"] },
          { name: "ci", projects: ["hub"], push: true },
        ],
      }).map((line) => line.split(": ")[0]),
      [
        "certificate",
        "storage",
        "database",
        "redis",
        "projects.0.groups",
        "projects.1.name",
        "robots.0.projects.0",
        "robots.1.name",
        "robots.1.projects.0",
      ],
    );
  });
  test("a field that there is not is one of them", () => {
    assert.deepEqual(problems({ ...simple, replicas: 2 } as never), ["replicas: no such field"]);
  });
});

test("as a layer it takes certificates and an ingress where the platform has them", () => {
  const settings = {
    name: "p",
    git: { url: "https://git.example.com/p.git", branch: "main" },
    cluster: embedded(),
    apps: [],
  };
  const chosen = harbor(simple);
  assert.deepEqual(
    [chosen.version, chosen.needs, chosen.uses],
    ["2.15.2", ["cluster"], ["certificates", "ingress", "secrets"]],
  );
  assert.ok(definePlatform(settings, { registry: chosen }));
});
