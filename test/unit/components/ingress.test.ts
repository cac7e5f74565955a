import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { load } from "js-yaml";
import {
  charts,
  ExternalIngress,
  externalIngress,
  GatewayApi,
  IngressNginx,
  type IngressNginxArgs,
  Traefik,
  traefik as traefikLayer,
} from "../../../components/index.ts";
import { unknownKeys } from "../../chart.ts";
import * as chartCases from "../../chart-cases.ts";
import { golden } from "../../golden.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const plain = { name: "shop", namespace: "shop", host: "shop.example.com", service: "web", port: 8080 };
const secure = { ...plain, name: "pay", host: "pay.example.com", certificate: "pay-tls" };
const traefik = await record(() => {
  const ingress = new Traefik("i", { size: "ha", ingressClass: "edge", serviceAnnotations: { kind: "nlb" } });
  for (const each of [plain, secure]) ingress.expose(each.name, each, {});
});
const gateway = await record(() => {
  const ingress = new GatewayApi("i", { serviceType: "ClusterIP" });
  for (const each of [plain, secure]) ingress.expose(each.name, each, {});
});
const nginx = await record(() => {
  const ingress = new IngressNginx("i", { ingressClass: "old", serviceType: "ClusterIP" });
  for (const each of [plain, secure]) ingress.expose(each.name, each, {});
});
const custom = (resources: readonly Declared[], kind: string) =>
  resources.filter(({ inputs }) => inputs.kind === kind).map(({ inputs }) => inputs);

/** What an exposure comes to, whichever objects say it: host, entry point, Service, certificate. */
interface Route {
  readonly host: string;
  readonly secure: boolean;
  readonly to: string;
  readonly certificate: string | undefined;
}

const ofTraefik = (): Route[] =>
  ofKind(traefik, "Ingress").map(({ inputs: { metadata, spec } }) => {
    const [rule] = spec.rules;
    const { service } = rule.http.paths[0].backend;
    const redirects = "traefik.ingress.kubernetes.io/router.middlewares" in metadata.annotations;
    return {
      host: rule.host,
      secure: metadata.annotations["traefik.ingress.kubernetes.io/router.entrypoints"] === "websecure",
      to: redirects ? "https" : `${service.name}:${service.port.number}`,
      certificate: spec.tls?.[0].secretName,
    };
  });

const ofGateway = (): Route[] =>
  custom(gateway, "HTTPRoute").map(({ spec }) => {
    const [ref] = spec.parentRefs;
    const parent = custom(gateway, "Gateway").find(({ metadata }) => metadata.name === ref.name);
    const listener = parent.spec.listeners.find(({ name }: { name: string }) => name === ref.sectionName);
    const [backend] = spec.rules[0].backendRefs ?? [];
    return {
      host: spec.hostnames[0],
      secure: listener.protocol === "HTTPS",
      to: backend ? `${backend.name}:${backend.port}` : spec.rules[0].filters[0].requestRedirect.scheme,
      certificate: listener.tls?.certificateRefs[0].name,
    };
  });

// One object says two things there: with a certificate, HTTP is redirected.
const ofNginx = (): Route[] =>
  ofKind(nginx, "Ingress").flatMap(({ inputs: { metadata, spec } }) => {
    const [{ host, http }] = spec.rules;
    const { service } = http.paths[0].backend;
    const to = `${service.name}:${service.port.number}`;
    const redirects = metadata.annotations["nginx.ingress.kubernetes.io/ssl-redirect"] === "true";
    return [
      { host, secure: false, to: redirects ? "https" : to, certificate: undefined },
      ...(spec.tls ? [{ host, secure: true, to, certificate: spec.tls[0].secretName }] : []),
    ];
  });

test("an app moves from ingress-nginx to Traefik and to the Gateway API, and its exposure means the same", () => {
  const sorted = (routes: Route[]) => routes.map((each) => JSON.stringify(each)).sort();
  const wanted: Route[] = [
    { host: "shop.example.com", secure: false, to: "web:8080", certificate: undefined },
    { host: "pay.example.com", secure: true, to: "web:8080", certificate: "pay-tls" },
    { host: "pay.example.com", secure: false, to: "https", certificate: undefined },
  ];
  assert.deepEqual(sorted(ofNginx()), sorted(wanted));
  assert.deepEqual(sorted(ofTraefik()), sorted(wanted));
  assert.deepEqual(sorted(ofGateway()), sorted(wanted));
});

test("an exposure by somebody else's controller means the same, and nothing is installed", async () => {
  const redirect = { "nginx.ingress.kubernetes.io/ssl-redirect": "true" };
  const external = await record(() => {
    const ingress = new ExternalIngress("i", {
      ingressClass: "edge",
      annotations: { "example.com/all": "1" },
      secureAnnotations: redirect,
    });
    for (const each of [plain, secure]) ingress.expose(each.name, each, {});
  });
  const objects = external.filter(({ type }) => type.startsWith("kubernetes:"));
  assert.deepEqual(
    objects.map(({ type }) => type),
    Array(2).fill("kubernetes:networking.k8s.io/v1:Ingress"),
  );
  const [shop, pay] = objects.map(({ inputs }) => inputs);
  const of = (name: string) =>
    ofKind(nginx, "Ingress").find(({ inputs }) => inputs.metadata.name === name)?.inputs.spec;
  assert.deepEqual(shop.spec, { ...of("shop"), ingressClassName: "edge" });
  assert.deepEqual(pay.spec, { ...of("pay"), ingressClassName: "edge" });
  const common = { "example.com/all": "1", "pulumi.com/skipAwait": "true" };
  assert.deepEqual(shop.metadata.annotations, common);
  assert.deepEqual(pay.metadata.annotations, { ...common, ...redirect });
});

test("a class that is no name is refused, in the stack file and in a program", () => {
  for (const declare of [
    () => externalIngress({ ingressClass: "" }),
    () => new ExternalIngress("i", { ingressClass: "Edge Class" }),
  ])
    assert.throws(declare, /ingressClass: found "(Edge Class)?"; allowed: 1 to 253 of/);
});

test("while one takes the place of the other, no object of theirs has the same name", () => {
  const shared = [
    "ConfigMap",
    "Service",
    "Deployment",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Namespace",
  ];
  const identities = (resources: readonly Declared[]) =>
    shared.flatMap((kind) =>
      ofKind(resources, kind).map(({ inputs: { metadata } }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    );
  const all = [nginx, traefik, gateway].flatMap((resources) => identities(resources));
  assert.deepEqual(
    all.filter((each, index) => all.indexOf(each) !== index),
    [],
  );
});

describe("the values of ingress-nginx", () => {
  const valuesOf = async (args: IngressNginxArgs) =>
    ofKind(await record(() => new IngressNginx("i", args)), "Chart")[0]?.inputs.values;
  const cases: Record<string, IngressNginxArgs> = {
    defaults: {},
    all: chartCases.ingressNginx,
  };
  for (const [title, args] of Object.entries(cases)) {
    test(`${title}: are those of the golden file, and each is known to the chart`, async () => {
      const values = await valuesOf(args);
      golden(`ingress-nginx-${title}`, values);
      assert.deepEqual(unknownKeys(values, charts["ingress-nginx"]), []);
    });
  }
  test("a wrong key would be found", () => {
    const wrong = { controller: { replicas: 3, service: { type: { kind: "x" } }, config: { "any-key": "x" } } };
    assert.deepEqual(unknownKeys(wrong, charts["ingress-nginx"]), [
      "controller.replicas",
      "controller.service.type.kind",
    ]);
  });
});

test("the controller of ingress-nginx serves the class that its objects name", () => {
  const [chart] = ofKind(nginx, "Chart");
  assert.deepEqual(chart?.inputs.values.controller.ingressClassResource, {
    name: "old",
    controllerValue: "k8s.io/ingress-old",
  });
  for (const { inputs } of ofKind(nginx, "Ingress")) assert.equal(inputs.spec.ingressClassName, "old");
});

describe("Traefik by the vendor's chart", () => {
  const cases: Record<string, () => void> = {
    "traefik-defaults": () => new Traefik("i", { chart: {} }),
    "traefik-all": () => new Traefik("i", { ...chartCases.traefik, chart: {} }),
    "gateway-api-traefik": () => new GatewayApi("i", { chart: {} }),
  };
  for (const [title, declare] of Object.entries(cases)) {
    test(`${title}: the values are those of the golden file, and each is known to the chart`, async () => {
      const [chart] = ofKind(await record(declare), "Chart");
      golden(title, chart?.inputs.values);
      assert.deepEqual(unknownKeys(chart?.inputs.values, charts.traefik), []);
    });
  }
  test("has the names, ports and openings of the objects, and none of these beside it", async () => {
    const ours = named(traefik, "NetworkPolicy", "traefik").spec;
    for (const [namespace, declare] of [
      ["traefik", () => new Traefik("i", { chart: {} })],
      ["gateway-api", () => new GatewayApi("i", { chart: {} })],
    ] as const) {
      const declared = await record(declare);
      const [chart, ...others] = ofKind(declared, "Chart");
      assert.deepEqual(others, []);
      // The chart calls its Service and its ServiceAccount after the release.
      const { name, namespace: within, skipCrds, values } = chart?.inputs ?? {};
      assert.deepEqual([name, within, skipCrds], ["traefik", namespace, true]);
      assert.deepEqual(named(declared, "NetworkPolicy", "traefik").spec, ours);
      const opened = ours.ingress.flatMap(({ ports }: { ports: { port: number }[] }) => ports.map(({ port }) => port));
      const { web, websecure, traefik: internal } = values.ports;
      assert.deepEqual([web.port, websecure.port, internal.port], opened);
      assert.deepEqual(
        ["Deployment", "Service", "ServiceAccount", "ClusterRole"].flatMap((kind) => ofKind(declared, kind)),
        [],
      );
    }
  });
  test("a redirect names a middleware that the chart's Traefik has", async () => {
    const declared = await record(() => new Traefik("i", { chart: {} }).expose("pay", secure, {}));
    const { "traefik.ingress.kubernetes.io/router.middlewares": middleware } = named(
      declared,
      "Ingress",
      "pay-redirect",
    ).metadata.annotations;
    const { http } = load(ofKind(declared, "Chart")[0]?.inputs.values.providers.file.content) as {
      http: { middlewares: object };
    };
    assert.deepEqual(
      Object.keys(http.middlewares).map((name) => `${name}@file`),
      [middleware],
    );
  });
  test("what only one of the two ways is able to do is refused on the other, by name", () => {
    const deployment = <T>(args: T) => args;
    const values = <T>(args: T) => args;
    for (const Kind of [Traefik, GatewayApi]) {
      assert.throws(
        () => new Kind("i", { chart: {} }, { transform: { deployment } }),
        /transform\.deployment: found a function; allowed: nothing beside `chart`/,
      );
      assert.throws(
        () => new Kind("i", {}, { transform: { values } }),
        /transform\.values: found a function; allowed: nothing without `chart`/,
      );
      assert.throws(() => new Kind("i", { chart: { version: "38.0.0" } }), /chart\.digest: .*another digest/);
    }
  });
  test("the layer says the version that runs, where it is known", () => {
    assert.equal(traefikLayer({ chart: {} }).version, "3.6.0");
    assert.equal(traefikLayer({ chart: { version: "38.0.0", digest: "0".repeat(64) } }).version, undefined);
    assert.notEqual(traefikLayer().version, "3.6.0");
  });
});

describe("the static configuration", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a configuration of many forms
  const of = (resources: readonly Declared[], namespace: string): any => {
    const [found] = ofKind(resources, "ConfigMap").filter(({ inputs }) => inputs.metadata.namespace === namespace);
    return load(found?.inputs.data["traefik.yaml"]);
  };
  test("names the class that the objects name", () => {
    const { providers } = of(traefik, "traefik");
    assert.equal(providers.kubernetesIngress.ingressClass, "edge");
    for (const { inputs } of ofKind(traefik, "Ingress")) assert.equal(inputs.spec.ingressClassName, "edge");
    assert.equal(named(traefik, "IngressClass", "edge").spec.controller, "traefik.io/ingress-controller");
    assert.ok(of(gateway, "gateway-api").providers.kubernetesGateway);
  });
  test("a change of it rolls the pods", async () => {
    const hash = (resources: readonly Declared[]) =>
      ofKind(resources, "Deployment")[0]?.inputs.spec.template.metadata.annotations["plumbline.dev/configuration"];
    const other = await record(() => new Traefik("i", { ingressClass: "other" }));
    assert.notEqual(hash(traefik), hash(other));
  });
});

test("the Service is what the stack asks for", () => {
  const { metadata, spec } = named(traefik, "Service", "traefik");
  assert.deepEqual(
    [spec.type, spec.externalTrafficPolicy, metadata.annotations],
    ["LoadBalancer", "Local", { kind: "nlb" }],
  );
  assert.equal(named(gateway, "Service", "traefik").spec.type, "ClusterIP");
});

test("a wrong size and a wrong type of Service are said together", () => {
  for (const declare of [
    () => new Traefik("i", { size: "big" as never, serviceType: "Anything" }),
    () => new GatewayApi("i", { size: "big" as never, serviceType: "Anything" }),
    () => new IngressNginx("i", { size: "big" as never, serviceType: "Anything" }),
  ]) {
    assert.throws(declare, /size: found "big"; allowed: "single"( or|,) "ha"\n {2}serviceType: found "Anything"/);
  }
});
