import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CertManager,
  type CertManagerArgs,
  certManager,
  charts,
  ExternalCertificates,
} from "../../../components/index.ts";
import { unknownKeys } from "../../chart.ts";
import * as chartCases from "../../chart-cases.ts";
import { golden } from "../../golden.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const request = {
  name: "web",
  namespace: "shop",
  hosts: ["shop.example.com", "www.shop.example.com"],
  addresses: ["10.0.0.1"],
  secret: "web-tls",
};
const own = await record(() => {
  const certificates = new CertManager("c", {
    release: "1.11",
    mirror: "plumbline.local",
    duration: "1h",
    renewBefore: "50m",
  });
  certificates.issue("shop-web", request, {});
});
const acme = await record(
  () => new CertManager("c", { size: "ha", acme: { email: "ops@example.com", http01: { ingressClass: "edge" } } }),
);
const route53 = await record(
  () =>
    new CertManager("c", {
      acme: {
        email: "ops@example.com",
        server: "https://ca.example.com/directory",
        route53: { region: "eu-central-1", hostedZone: "Z1", role: "arn:aws:iam::123456789012:role/dns" },
      },
    }),
);
const custom = (resources: readonly Declared[], kind: string) =>
  resources.filter(({ inputs }) => inputs.kind === kind && inputs.apiVersion === "cert-manager.io/v1");
const args = (resources: readonly Declared[], name: string): string[] =>
  named(resources, "Deployment", name).spec.template.spec.containers[0].args;

test("an authority of the cluster's own signs, and its key is made in the cluster", () => {
  const [authority, asked] = custom(own, "Certificate").map(({ inputs }) => inputs);
  assert.equal(authority.spec.isCA, true);
  assert.deepEqual(authority.spec.issuerRef, { kind: "Issuer", name: "self-signed" });
  const [issuer] = custom(own, "ClusterIssuer").map(({ inputs }) => inputs);
  assert.deepEqual(issuer.spec, { ca: { secretName: authority.spec.secretName } });
  assert.equal(asked.spec.issuerRef.name, issuer.metadata.name);
  assert.equal(ofKind(own, "Secret").length, 0);
});

test("a certificate holds what was asked for, and counts as made once it is there", () => {
  const asked = custom(own, "Certificate")[1]?.inputs;
  assert.equal(asked.metadata.namespace, "shop");
  assert.equal(asked.metadata.annotations["pulumi.com/waitFor"], "condition=Ready");
  assert.deepEqual(asked.spec.dnsNames, request.hosts);
  assert.deepEqual(asked.spec.ipAddresses, request.addresses);
  assert.equal(asked.spec.secretName, "web-tls");
  assert.deepEqual([asked.spec.duration, asked.spec.renewBefore], ["1h0m0s", "50m0s"]);
  assert.equal(asked.spec.privateKey.rotationPolicy, "Always");
});

test("an ACME server is asked by the way that the stack names", () => {
  const [solver] = custom(acme, "ClusterIssuer")[0]?.inputs.spec.acme.solvers ?? [];
  assert.equal(solver.http01.ingress.class, "edge");
  assert.equal(custom(acme, "Certificate").length, 0);
  const { server, solvers } = custom(route53, "ClusterIssuer")[0]?.inputs.spec.acme ?? {};
  assert.equal(server, "https://ca.example.com/directory");
  assert.deepEqual(solvers[0].dns01.route53, {
    region: "eu-central-1",
    hostedZoneID: "Z1",
    role: "arn:aws:iam::123456789012:role/dns",
  });
});

test("the loops and rights of ACME are there only with an ACME server, those of HTTP-01 only with it", () => {
  const orders = (resources: readonly Declared[]) =>
    named(resources, "ClusterRole", "plumbline:cert-manager").rules.some(({ resources: on }: { resources: string[] }) =>
      on.includes("orders"),
    );
  const routes = (resources: readonly Declared[]) =>
    named(resources, "ClusterRole", "plumbline:cert-manager").rules.some(({ resources: on }: { resources: string[] }) =>
      on.includes("ingresses"),
    );
  assert.deepEqual([orders(own), orders(acme), orders(route53)], [false, true, true]);
  assert.deepEqual([routes(own), routes(acme), routes(route53)], [false, true, false]);
  assert.match(args(own, "cert-manager").join(" "), /--controllers=\S*-orders,-challenges/);
  assert.doesNotMatch(args(acme, "cert-manager").join(" "), /-orders/);
  assert.match(args(acme, "cert-manager").join(" "), /--acme-http01-solver-image=quay.io\/jetstack\/\S+:v1\.21/);
});

test("what an authority of the cluster's own signed goes with its Certificate, what an ACME server signed stays", () => {
  const goes = (resources: readonly Declared[]) =>
    args(resources, "cert-manager").includes("--enable-certificate-owner-ref=true");
  assert.deepEqual([goes(own), goes(acme), goes(route53)], [true, false, false]);
});

test("of several controllers one leads; one alone waits for no lease", () => {
  for (const name of ["cert-manager", "cert-manager-cainjector"]) {
    assert.ok(args(own, name).includes("--leader-elect=false"), name);
    assert.ok(args(acme, name).includes("--leader-elect=true"), name);
  }
  assert.equal(named(acme, "Deployment", "cert-manager-webhook").spec.replicas, 3);
});

test("the cainjector changes the webhook's own registration and no other", () => {
  const { rules } = named(own, "ClusterRole", "plumbline:cert-manager-cainjector");
  const writes = rules.filter(({ verbs }: { verbs: string[] }) => verbs.includes("update"));
  assert.deepEqual(
    writes.map(({ resourceNames }: { resourceNames?: string[] }) => resourceNames),
    [["cert-manager-webhook"]],
  );
});

test("each release has its own images and definitions", () => {
  const imageOf = (resources: readonly Declared[]) =>
    named(resources, "Deployment", "cert-manager").spec.template.spec.containers[0].image;
  assert.equal(imageOf(own), "plumbline.local/jetstack/cert-manager-controller:v1.11.5");
  assert.match(imageOf(acme), /^quay\.io\/jetstack\/cert-manager-controller:v1\.21\.\d+$/);
  assert.equal(ofKind(own, "CustomResourceDefinition").length, 6);
});

describe("cert-manager by the vendor's chart", () => {
  const cases: Record<string, CertManagerArgs> = { defaults: {}, all: chartCases.certManager };
  for (const [title, args] of Object.entries(cases)) {
    test(`${title}: the values are those of the golden file, and each is known to the chart`, async () => {
      const [chart] = ofKind(await record(() => new CertManager("c", { ...args, chart: {} })), "Chart");
      golden(`cert-manager-${title}`, chart?.inputs.values);
      assert.deepEqual(unknownKeys(chart?.inputs.values, charts["cert-manager"]), []);
    });
  }
  test("the same issuer signs, the same ports are open, and no object of the programs stands beside it", async () => {
    const asked = { acme: { email: "ops@example.com", http01: { ingressClass: "edge" } } } as const;
    const byChart = await record(() => new CertManager("c", { ...asked, chart: {} }));
    const byObjects = await record(() => new CertManager("c", asked));
    const issuer = (resources: readonly Declared[]) => custom(resources, "ClusterIssuer").map(({ inputs }) => inputs);
    assert.deepEqual(issuer(byChart), issuer(byObjects));
    const opened = (resources: readonly Declared[]) =>
      ofKind(resources, "NetworkPolicy").map(({ inputs: { metadata, spec } }) => {
        const { podSelector, ...rest } = spec;
        return [metadata.name, rest];
      });
    assert.deepEqual(new Map(opened(byChart) as never), new Map(opened(byObjects) as never));
    const components = ofKind(byChart, "NetworkPolicy").map(
      ({ inputs }) => inputs.spec.podSelector.matchLabels?.["app.kubernetes.io/component"],
    );
    assert.deepEqual(components.filter(Boolean).sort(), ["cainjector", "controller", "controller", "webhook"]);
    assert.equal(ofKind(byChart, "Chart")[0]?.inputs.name, "cert-manager");
    for (const kind of ["Deployment", "ServiceAccount", "CustomResourceDefinition", "ValidatingWebhookConfiguration"])
      assert.deepEqual(ofKind(byChart, kind), []);
    // Before the webhook answers, the API server would refuse the issuer.
    const made = byChart.find(({ inputs }) => inputs.kind === "ClusterIssuer");
    assert.ok(made?.after.includes("c"), `${made?.after}`);
  });
  test("what only one of the two ways is able to do is refused on the other, by name", () => {
    const deployment = (_: string, args: object) => args as never;
    assert.throws(
      () => new CertManager("c", { chart: {}, release: "1.21", definitions: "/x" }, { transform: { deployment } }),
      ({ problems }: { problems: { field: string }[] }) => {
        const fields = problems.map(({ field }) => field);
        assert.deepEqual(fields, ["release", "definitions", "transform.deployment"]);
        return true;
      },
    );
    assert.throws(
      () => new CertManager("c", {}, { transform: { values: (values) => values } }),
      /transform\.values: found a function; allowed: nothing without `chart`/,
    );
    assert.throws(() => new CertManager("c", { chart: { digest: "abc" } }), /chart\.digest: found "abc"/);
    assert.equal(certManager({ chart: {} }).version, "1.19.1");
  });
});

test("everything that is wrong is said at once, before anything is declared", () => {
  assert.throws(
    () =>
      new CertManager("c", {
        release: "1.12",
        size: "large" as never,
        duration: "5m",
        renewBefore: "90d",
        acme: { email: "nobody", server: "http://ca.example.com" },
      }),
    ({ problems }: { problems: { field: string }[] }) => {
      assert.deepEqual(
        problems.map(({ field }) => field),
        ["release", "size", "duration", "renewBefore", "acme.email", "acme.server", "acme"],
      );
      return true;
    },
  );
  assert.throws(
    () => new CertManager("c", { duration: "1h", renewBefore: "2h" }),
    /renewBefore: found "2h"; allowed: .*shorter than the lifetime/,
  );
  assert.throws(() => new ExternalCertificates("c", { issuer: "" }), /issuer: found ""/);
});

test("an external issuer is asked by name, and nothing is installed", async () => {
  const declared = await record(() => {
    const external = new ExternalCertificates("c", {
      issuer: "corporate",
      issuerKind: "AWSPCAClusterIssuer",
      issuerGroup: "awspca.cert-manager.io",
    });
    external.issue("shop-web", request, {});
  });
  const [only, ...others] = declared.filter(({ type }) => type.startsWith("kubernetes:"));
  assert.equal(others.length, 0);
  assert.deepEqual(only?.inputs.spec.issuerRef, {
    name: "corporate",
    kind: "AWSPCAClusterIssuer",
    group: "awspca.cert-manager.io",
  });
});
