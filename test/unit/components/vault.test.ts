import assert from "node:assert/strict";
import { test } from "node:test";
import type { Certificates } from "../../../components/index.ts";
import { ExternalCertificates, Vault } from "../../../components/index.ts";
import { named, ofKind, record } from "./recorder.ts";

const issuer = (): Certificates => new ExternalCertificates("c", { issuer: "authority" });
const awsKms = { keyId: "alias/vault", region: "eu-central-1", role: "arn:aws:iam::123456789012:role/vault" };
const single = await record(() => {
  new Vault(
    "v",
    {
      storage: "2Gi",
      storageClass: "fast",
      policies: { operator: [{ path: "secret/data/shop/*", capabilities: ["create", "update"] }] },
      roles: [
        { name: "operator", serviceAccounts: ["ops"], namespaces: ["people"], policies: ["operator"], ttl: "5m" },
      ],
      generated: ["shop/database#password"],
      refresh: "10s",
    },
    { certificates: issuer() },
  ).grant(
    "shop",
    {
      app: "shop",
      namespace: "stores",
      serviceAccount: "web",
      files: { password: "shop/database#password", user: "shop/database#user", token: "shop/stripe#token" },
    },
    {},
  );
});
const ha = await record(
  () => new Vault("v", { size: "ha", namespace: "keys", seal: { awsKms } }, { certificates: issuer() }),
);

test("servers find each other by names of their certificate, and speak no plain HTTP", () => {
  const { listener, storage, ...rest } = JSON.parse(named(ha, "ConfigMap", "vault").data["server.json"]);
  assert.deepEqual(
    storage.raft.retry_join.map(({ leader_api_addr }: { leader_api_addr: string }) => leader_api_addr),
    [0, 1, 2].map((index) => `https://vault-${index}.vault-internal.keys.svc:8200`),
  );
  assert.equal(listener.length, 1);
  assert.equal(listener[0].tcp.tls_disable, undefined);
  assert.equal(rest.ui, false);
  assert.ok(named(ha, "Certificate", "vault").spec.dnsNames.includes("*.vault-internal.keys.svc"));
  const alone = JSON.parse(named(single, "ConfigMap", "vault").data["server.json"]);
  assert.equal(alone.storage.raft.retry_join, undefined);
});

test("a key of KMS opens it with the identity of its ServiceAccount; without one a share beside it does", () => {
  const { seal } = JSON.parse(named(ha, "ConfigMap", "vault").data["server.json"]);
  assert.deepEqual(seal, { awskms: { region: "eu-central-1", kms_key_id: "alias/vault" } });
  assert.equal(
    named(ha, "ServiceAccount", "vault").metadata.annotations["eks.amazonaws.com/role-arn"],
    "arn:aws:iam::123456789012:role/vault",
  );
  const told = (resources: typeof ha, key: string) =>
    named(resources, "Deployment", "vault-configurator").spec.template.spec.containers[0].env.find(
      ({ name }: { name: string }) => name === key,
    ).value;
  assert.equal(told(ha, "OPENS_ITSELF"), "true");
  assert.equal(told(ha, "SHARES"), "-recovery-shares=1 -recovery-threshold=1");
  assert.equal(told(ha, "SERVERS"), "vault-0 vault-1 vault-2");
  assert.equal(told(single, "OPENS_ITSELF"), "false");
  assert.equal(JSON.parse(named(single, "ConfigMap", "vault").data["server.json"]).seal, undefined);
});

test("figures are scraped over HTTPS, and volumes are as the stack says", () => {
  const { template, volumeClaimTemplates } = named(single, "StatefulSet", "vault").spec;
  assert.equal(template.metadata.annotations["prometheus.io/scheme"], "https");
  assert.equal(template.metadata.annotations["prometheus.io/param-format"], "prometheus");
  assert.equal(volumeClaimTemplates[0].spec.storageClassName, "fast");
  assert.equal(volumeClaimTemplates[0].spec.resources.requests.storage, "2Gi");
});

test("policies and roles of the stack stand beside what the configurator itself may do", () => {
  const { data } = named(single, "ConfigMap", "vault-configurator");
  assert.match(data["policy.operator"], /^# Declared by plumbline\npath "secret\/data\/shop\/\*" \{\n/);
  assert.deepEqual(JSON.parse(data["role.operator"]), {
    bound_service_account_names: ["ops"],
    bound_service_account_namespaces: ["people"],
    audience: "vault",
    token_policies: ["operator"],
    token_ttl: "5m",
  });
  assert.equal(data.generated, "shop/database#password\n");
  // It makes values, and reads none.
  const rules = data["policy.vault-configurator"].split("path ").filter((each: string) => each.includes("secret/data"));
  assert.deepEqual(rules, ['"secret/data/shop/database" {\n  capabilities = ["create"]\n}\n']);
});

test("the configurator reads one Secret and may replace none", () => {
  const { rules } = named(single, "Role", "vault-configurator");
  const secrets = rules.filter(({ resources }: { resources: string[] }) => resources.includes("secrets"));
  assert.deepEqual(secrets, [
    { apiGroups: [""], resources: ["secrets"], resourceNames: ["vault-keys"], verbs: ["list"] },
    { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  ]);
});

test("a grant is for one ServiceAccount and the paths that it names, and holds no value", () => {
  const { metadata, binaryData } = named(single, "ConfigMap", "grant-stores.web");
  assert.equal(metadata.namespace, "vault");
  assert.ok("plumbline.dev/grant" in metadata.labels);
  const [name, role = "", ...reads] = Buffer.from(binaryData.grant, "base64").toString().split("\n");
  assert.equal(name, "stores.web");
  const { bound_service_account_names, bound_service_account_namespaces, token_policies } = JSON.parse(role);
  assert.deepEqual(
    [bound_service_account_names, bound_service_account_namespaces, token_policies],
    [["web"], ["stores"], ["stores.web"]],
  );
  assert.deepEqual(
    reads.filter((line) => /path|capabilities/.test(line)).map((line) => line.trim()),
    ["shop/database", "shop/stripe"].flatMap((path) => [`path "secret/data/${path}" {`, 'capabilities = ["read"]']),
  );
  assert.equal(ofKind(single, "Secret").length, 0);
});

test("the agent of a pod is told who it is, whom to trust, and which file gets which value", () => {
  const { metadata, data } = named(single, "ConfigMap", "vault-agent");
  assert.equal(metadata.namespace, "stores");
  const { vault, auto_auth, template, template_config } = JSON.parse(data["agent.json"]);
  assert.equal(vault.address, "https://vault.vault.svc:8200");
  assert.equal(auto_auth.method[0].config.role, "stores.web");
  assert.equal(template_config.static_secret_render_interval, "10s");
  assert.deepEqual(
    template.map(({ destination, contents }: { destination: string; contents: string }) => [destination, contents]),
    [
      ["/secrets/password", '{{ with secret "secret/data/shop/database" }}{{ .Data.data.password }}{{ end }}'],
      ["/secrets/user", '{{ with secret "secret/data/shop/database" }}{{ .Data.data.user }}{{ end }}'],
      ["/secrets/token", '{{ with secret "secret/data/shop/stripe" }}{{ .Data.data.token }}{{ end }}'],
    ],
  );
  assert.equal(named(single, "Certificate", "vault-authority").metadata.namespace, "stores");
});

test("everything that is wrong is said at once, before anything is declared", () => {
  const opts = { certificates: {} as Certificates };
  assert.throws(
    () =>
      new Vault(
        "v",
        {
          size: "ha",
          replicas: 2,
          storage: "10",
          seal: { awsKms: { keyId: "", region: "europe" } },
          policies: { root: [] },
          generated: ["password"],
          refresh: "soon",
        },
        opts,
      ),
    ({ problems }: { problems: { field: string; allowed: string }[] }) => {
      assert.deepEqual(problems.map(({ field }) => field).sort(), [
        "generated.0",
        "policies.root",
        "refresh",
        "replicas",
        "seal.awsKms.keyId",
        "seal.awsKms.region",
        "storage",
      ]);
      assert.match(problems.find(({ field }) => field === "replicas")?.allowed ?? "", /more than half of the servers/);
      return true;
    },
  );
  const operator = { name: "a", serviceAccounts: ["a"], namespaces: ["a"], policies: ["b"] };
  assert.throws(
    () => new Vault("v", { replicas: 3, roles: [operator], generated: ["a/b#c", "a/b#d"] }, opts),
    /replicas: found 3; allowed: only with size "ha"\n.*generated\.1: .*only once.*\n.*roles\.0\.policies: found "b"/,
  );
});

test("a value that is named wrongly is refused where the app asks for it", async () => {
  await record(() => {
    const secrets = new Vault("v", {}, { certificates: issuer() });
    const request = { app: "shop", namespace: "shop", serviceAccount: "web", files: { token: "shop/stripe#a-b" } };
    assert.throws(
      () => secrets.grant("g", request, {}),
      /secrets of app shop.*\n.*files\.token: found "shop\/stripe#a-b"/,
    );
  });
});
