import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { charts, ExternalSecrets, type ExternalSecretsArgs, InvalidDeclaration } from "../../../components/index.ts";
import { unknownKeys } from "../../chart.ts";
import * as chartCases from "../../chart-cases.ts";
import { golden } from "../../golden.ts";
import { type Declared, ofKind, record } from "./recorder.ts";

const aws = { store: { aws: { region: "eu-central-1" } } };
const request = { app: "shop", namespace: "shop", serviceAccount: "shop", files: { password: "shop/db#password" } };
const granted = (args: ExternalSecretsArgs) => record(() => new ExternalSecrets("s", args).grant("shop", request, {}));
const specOf = (resources: readonly Declared[], kind: string) => ofKind(resources, kind)[0]?.inputs.spec;

describe("the values of External Secrets", () => {
  const cases: Record<string, ExternalSecretsArgs> = {
    defaults: aws,
    all: chartCases.externalSecrets,
  };
  for (const [title, args] of Object.entries(cases)) {
    test(`${title}: are those of the golden file, and each is known to the chart`, async () => {
      const [chart] = ofKind(await record(() => new ExternalSecrets("s", args)), "Chart");
      golden(`external-secrets-${title}`, chart?.inputs.values);
      assert.deepEqual(unknownKeys(chart?.inputs.values, charts["external-secrets"]), []);
    });
  }
});

describe("what is granted to an app", () => {
  test("is a store of its own and one Secret, made of what the store holds", async () => {
    const declared = await granted({ ...aws, refresh: "5m" });
    const [secret] = ofKind(declared, "ExternalSecret");
    assert.deepEqual(secret?.inputs.metadata, {
      name: "shop-secrets",
      namespace: "shop",
      annotations: { "pulumi.com/waitFor": "condition=Ready" },
    });
    assert.deepEqual(secret?.inputs.spec, {
      refreshInterval: "5m",
      secretStoreRef: { kind: "SecretStore", name: "plumbline" },
      target: { name: "shop-secrets", creationPolicy: "Owner", deletionPolicy: "Delete" },
      data: [{ secretKey: "password", remoteRef: { key: "shop/db", property: "password" } }],
    });
    assert.equal(ofKind(declared, "ClusterSecretStore").length, 0);
    // No value of a secret is declared: the operator alone makes the Secret.
    assert.equal(ofKind(declared, "Secret").length, 0);
  });
  for (const [store, provider] of [
    [
      { aws: { region: "eu-central-1", service: "ParameterStore", role: "arn:aws:iam::123456789012:role/{app}" } },
      { aws: { region: "eu-central-1", service: "ParameterStore", role: "arn:aws:iam::123456789012:role/shop" } },
    ],
    [{ google: { project: "shop-1" } }, { gcpsm: { projectID: "shop-1" } }],
    [
      { azure: { vaultUrl: "https://shop.vault.azure.net", tenant: "t" } },
      { azurekv: { vaultUrl: "https://shop.vault.azure.net", authType: "WorkloadIdentity", tenantId: "t" } },
    ],
  ] as const) {
    test(`is read from ${Object.keys(store)[0]}`, async () => {
      assert.deepEqual(specOf(await granted({ store }), "SecretStore"), { provider });
    });
  }
  test("is refused where a file names no key", () => {
    const secrets = new ExternalSecrets("s", aws);
    assert.throws(
      () => secrets.grant("shop", { ...request, files: { a: "shop/db" } }, {}),
      /files\.a: found "shop\/db"; allowed: <path>#<key>/,
    );
  });
});

test("everything that is wrong is said together", () => {
  const wrong: ExternalSecretsArgs = {
    store: { aws: { region: "Frankfurt", service: "Vault", role: "reader" }, google: { project: "x" } },
    size: "big" as never,
    refresh: "0m",
    chart: { version: "2.10.0" },
  };
  assert.throws(
    () => new ExternalSecrets("s", wrong),
    (error: unknown) => {
      assert.ok(error instanceof InvalidDeclaration);
      assert.deepEqual(error.problems.map(({ field }) => field).sort(), [
        "chart.digest",
        "refresh",
        "size",
        "store.aws.region",
        "store.aws.role",
        "store.aws.service",
      ]);
      return true;
    },
  );
  assert.throws(
    () => new ExternalSecrets("s", { store: {} }),
    /store: found {}; allowed: one of aws, google and azure/,
  );
});
