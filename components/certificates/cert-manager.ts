// How are certificates made and renewed? cert-manager, with an authority of the cluster's own or an ACME server.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ValuesTransform, VendorChartArgs } from "../chart.ts";
import { choiceProblems, versionOf } from "../chart-choice.ts";
import { charts } from "../chart-versions.ts";
import { afterIdentity } from "../cloud.ts";
import { readDefinitions } from "../definitions.ts";
import { layerNamespace } from "../namespace.ts";
import { refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import { labels } from "../workload.ts";
import { runCertManagerChart } from "./cert-manager-chart.ts";
import { issuerProblems, issuerSpec } from "./cert-manager-issuer.ts";
import { accounts, type Programs, program, releases, webhookName } from "./cert-manager-programs.ts";
import { type CertificateRequest, type Certificates, certificateSpec, lifetimeProblems } from "./certificates.ts";

/** Proof by an HTTP answer under the host, which an ingress class lets through. */
export interface Http01Args {
  /** Name of the IngressClass that serves the answer: "traefik". */
  ingressClass: string;
}

/** Proof by a record in Amazon Route 53: also for wildcard names, and for hosts that the internet does not reach. */
export interface Route53Args {
  /** Region that the API is called in: "eu-central-1". */
  region: string;
  /** Identifier of the hosted zone. Default: the one that fits the name best. */
  hostedZone?: string;
  /** ARN of the role that is assumed. Default: that of cert-manager's ServiceAccount. */
  role?: string;
}

/** A server that issues by the ACME protocol, as Let's Encrypt does, upon one of two proofs. */
export interface AcmeArgs {
  /** Address that the server writes to before a certificate ends unrenewed. */
  email: string;
  /** Directory URL. Default: Let's Encrypt's production server. */
  server?: string;
  /** Proof by an answer under the host itself. */
  http01?: Http01Args;
  /** Proof by a record in its DNS zone at Route 53; for names with `*` as well. */
  route53?: Route53Args;
}

/** Arguments of {@link CertManager}. */
export interface CertManagerArgs {
  /** Namespace. Default: "cert-manager". */
  namespace?: string;
  /** Release: "1.21", or "1.11" where the local cluster runs it. Default: "1.21". */
  release?: string;
  /** `single` or `ha`: two controllers, three webhooks. Default: `single`. */
  size?: Size;
  /** ACME server that issues. Default: an authority of the cluster's own, which nobody outside trusts. */
  acme?: AcmeArgs;
  /** Lifetime of a certificate, as a Go duration of at least an hour. Default: "2160h", 90 days as Let's Encrypt gives. */
  duration?: string;
  /** How long before its end a certificate is renewed, as a Go duration. Default: "720h". */
  renewBefore?: string;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
  /** Folder with the CustomResourceDefinitions of this release. Default: `PLUMBLINE_CRDS`, then `crds/` of this package. */
  definitions?: string;
  /**
   * Runs cert-manager by the vendor's chart, which has a release and definitions of its own; `{}` is the pinned one, from the
   * vendor. Default: objects of this library.
   */
  chart?: VendorChartArgs;
}

/** What code may change about {@link CertManager}. */
export interface CertManagerOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the Deployment of a program, where it is this library's: "controller", "webhook" or "cainjector". */
    deployment?: (program: string, args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
    /** Changes the values of the vendor's chart, where `chart` asks for it. */
    values?: ValuesTransform;
  };
}

const kinds = [
  "acme.cert-manager.io_challenges",
  "acme.cert-manager.io_orders",
  "cert-manager.io_certificaterequests",
  "cert-manager.io_certificates",
  "cert-manager.io_clusterissuers",
  "cert-manager.io_issuers",
];

/** Names of the files with the definitions of a release. */
export const certManagerDefinitions = (release: string): string[] =>
  kinds.map((kind) => `cert-manager-${release}/${kind}`);

/** Name of the ClusterIssuer that signs what apps and layers ask for. */
const issuerName = "plumbline";
/** Secret with the authority's key and certificate, in cert-manager's namespace. */
const authority = "plumbline-authority";

/**
 * cert-manager with one issuer for the whole platform.
 *
 * The authority of the cluster's own is made inside the cluster: its key is in no state and in no repository.
 *
 * @example
 * const certificates = new CertManager("certificates", { acme: { email: "ops@example.com", http01: { ingressClass: "traefik" } } });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class CertManager extends pulumi.ComponentResource implements Certificates {
  /** Name of the ClusterIssuer, for manifests that ask for a certificate themselves. */
  readonly issuer: pulumi.Output<string>;

  constructor(name: string, args: CertManagerArgs = {}, opts: CertManagerOptions = {}) {
    const { transform, ...options } = opts;
    const { release = "1.21", size = Size.Single, acme, duration = "2160h", renewBefore = "720h", mirror } = args;
    const settings = releases[release];
    refuse(`CertManager ${name}`, [
      ...(settings
        ? []
        : [{ field: "release", value: release, allowed: `one of ${Object.keys(releases).join(", ")}` }]),
      ...(Object.values(Size).includes(size) ? [] : [{ field: "size", value: size, allowed: '"single" or "ha"' }]),
      ...lifetimeProblems(duration, renewBefore),
      ...issuerProblems(acme),
      ...choiceProblems(args.chart, {
        objects: {
          release: args.release,
          definitions: args.definitions,
          "transform.deployment": transform?.deployment,
        },
        chart: { "transform.values": transform?.values },
      }),
    ]);
    super("plumbline:index:CertManager", name, { ...args }, options);
    if (!settings) throw new Error("unreachable: refused above");
    const parent = { parent: this };
    const namespace = args.namespace ?? "cert-manager";

    const asked = { namespace, mirror, size, acme: acme && { http01: acme.http01 !== undefined } };
    const answering = args.chart
      ? [runCertManagerChart(name, { ...asked, from: args.chart, transform: transform?.values }, parent)]
      : runPrograms(
          name,
          { ...asked, release: settings, ...(transform?.deployment && { transform: transform.deployment }) },
          readDefinitions(certManagerDefinitions(release), args.definitions),
          parent,
        );

    const ready = { parent: this, dependsOn: answering };
    const spec = acme ? issuerSpec(acme) : { ca: { secretName: authority } };
    const signed = acme ? [] : [ownAuthority(name, namespace, ready)];
    const issuer = new k8s.apiextensions.CustomResource(
      `${name}-issuer`,
      {
        apiVersion: "cert-manager.io/v1",
        kind: "ClusterIssuer",
        metadata: { name: issuerName, annotations: isReady },
        spec,
      },
      { parent: this, dependsOn: [...ready.dependsOn, ...signed] },
    );
    settled.set(this, { issuer, duration, renewBefore });
    this.issuer = pulumi.output(issuerName);
    this.registerOutputs({ issuer: this.issuer });
  }

  /** Declares a Certificate of the platform's issuer. */
  issue(name: string, request: CertificateRequest, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("CertManager.issue was called on an object that is no CertManager component");
    return new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: { name: request.name, namespace: request.namespace, annotations: isReady },
        spec: certificateSpec(request, { ...facts, issuerRef: { kind: "ClusterIssuer", name: issuerName } }),
      },
      pulumi.mergeOptions(opts, { dependsOn: facts.issuer }),
    );
  }
}

/** Declares the programs as objects. @returns what has to stand before the first Issuer */
const runPrograms = (
  name: string,
  asked: Omit<Programs, "after">,
  read: ReturnType<typeof readDefinitions>,
  parent: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const { namespace } = asked;
  const home = layerNamespace(name, { namespace, slot: "certificates" }, parent);
  const within = { ...parent, dependsOn: home };
  const after = read.map(
    ({ metadata, spec }) =>
      new k8s.apiextensions.v1.CustomResourceDefinition(
        `${name}-${metadata.name}`,
        // The labels of the file are those of a chart.
        { metadata: { name: metadata.name, labels: labels("cert-manager") }, spec },
        parent,
      ),
  );
  const programs = { ...asked, after };
  const controller = program(name, "controller", programs, within);
  const injector = program(name, "cainjector", programs, within);
  const webhook = program(name, "webhook", programs, within);
  return [controller, ...registerWebhook(name, namespace, { ...within, dependsOn: [injector, webhook] })];
};

// Pulumi counts such an object as made once this condition holds.
const isReady = { "pulumi.com/waitFor": "condition=Ready" };

// A root of its own for the cluster: ten years, as nothing replaces it while it is trusted.
const ownAuthority = (name: string, namespace: string, opts: pulumi.ComponentResourceOptions): pulumi.Resource => {
  const group = { apiVersion: "cert-manager.io/v1" };
  const selfSigned = new k8s.apiextensions.CustomResource(
    `${name}-self-signed`,
    {
      ...group,
      kind: "Issuer",
      metadata: { name: "self-signed", namespace, annotations: isReady },
      spec: { selfSigned: {} },
    },
    opts,
  );
  return new k8s.apiextensions.CustomResource(
    `${name}-authority`,
    {
      ...group,
      kind: "Certificate",
      metadata: { name: authority, namespace, annotations: isReady },
      spec: {
        isCA: true,
        commonName: "plumbline authority of this cluster",
        secretName: authority,
        duration: "87600h0m0s",
        privateKey: { algorithm: "ECDSA", size: 256 },
        issuerRef: { kind: "Issuer", name: "self-signed" },
      },
    },
    { ...opts, dependsOn: selfSigned },
  );
};

// Without the webhook a wrong Certificate would be stored and fail later, out of sight.
const registerWebhook = (
  name: string,
  namespace: string,
  opts: pulumi.ComponentResourceOptions,
): pulumi.CustomResource[] => {
  const service = new k8s.core.v1.Service(
    `${name}-webhook`,
    {
      metadata: { name: webhookName, namespace, labels: labels(webhookName) },
      spec: {
        selector: labels(webhookName),
        ports: [{ name: "https", port: 443, targetPort: "https", protocol: "TCP" }],
      },
    },
    opts,
  );
  const metadata = {
    name: webhookName,
    labels: labels(webhookName),
    annotations: {
      "cert-manager.io/inject-ca-from-secret": `${namespace}/${webhookName}-ca`,
      // Nothing passes the webhook before the cainjector has told the API server whom to trust.
      "pulumi.com/waitFor": "jsonpath={.webhooks[0].clientConfig.caBundle}",
    },
  };
  const webhook = (path: string) => ({
    name: "webhook.cert-manager.io",
    rules: [
      {
        apiGroups: ["cert-manager.io", "acme.cert-manager.io"],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["*/*"],
      },
    ],
    admissionReviewVersions: ["v1"],
    matchPolicy: "Equivalent",
    failurePolicy: "Fail",
    sideEffects: "None",
    timeoutSeconds: 10,
    clientConfig: { service: { name: webhookName, namespace, path, port: 443 } },
  });
  const after = { ...opts, dependsOn: [service, ...[opts.dependsOn ?? []].flat()] } as pulumi.CustomResourceOptions;
  return [
    new k8s.admissionregistration.v1.ValidatingWebhookConfiguration(
      `${name}-validating`,
      { metadata, webhooks: [webhook("/validate")] },
      after,
    ),
    new k8s.admissionregistration.v1.MutatingWebhookConfiguration(
      `${name}-mutating`,
      { metadata, webhooks: [webhook("/mutate")] },
      after,
    ),
  ];
};

interface Facts {
  readonly issuer: pulumi.Resource;
  readonly duration: string;
  readonly renewBefore: string;
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<CertManager, Facts>();

/** cert-manager as the layer of the slot `certificates`. */
export const certManager = (
  args: Omit<CertManagerArgs, "mirror"> & Pick<CertManagerOptions, "transform"> = {},
): Layer<"certificates", "cluster"> =>
  layer({
    slot: "certificates",
    implementation: "cert-manager",
    ...versionOf(
      args.chart,
      charts["cert-manager"],
      version(args.release === "1.11" ? "cert-manager-controller-1.11" : "cert-manager-controller"),
    ),
    needs: ["cluster"],
    build: (name, { cluster }, opts) => {
      const { transform, ...rest } = args;
      const { namespace = "cert-manager", acme } = args;
      const { hostedZone, role } = acme?.route53 ?? {};
      // The zone is named, and nobody says as whom it is written.
      const identity =
        cluster.cloud && hostedZone && !role
          ? cluster.cloud.identity({
              namespace,
              serviceAccount: accounts.controller,
              grants: [cluster.cloud.zone(hostedZone).records],
            })
          : undefined;
      return new CertManager(
        name,
        { ...rest, ...(cluster.mirror && { mirror: cluster.mirror }) },
        { ...(identity ? afterIdentity(opts, identity) : opts), ...(transform && { transform }) },
      );
    },
  });
