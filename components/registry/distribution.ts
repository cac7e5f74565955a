// How does a platform keep its own images? CNCF Distribution, by HTTPS, with one account that pulls and one that pushes.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Certificates } from "../certificates/certificates.ts";
import { objectName, type SecretKeyArgs, secretKey, size, url } from "../check.ts";
import { afterIdentity, type Cloud, cloudOf, type OfCluster, ofCluster } from "../cloud.ts";
import { problemsOf } from "../delivery/app.ts";
import { layerNamespace } from "../namespace.ts";
import { type Problem, refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import { labels } from "../workload.ts";
import { type Accounts, accountNames, accountsName, declareAccounts } from "./distribution-accounts.ts";
import { frontConfiguration, frontRoutes, ports, registryConfiguration } from "./distribution-config.ts";
import {
  classed,
  portOf,
  type RegistryStorageArgs,
  storageOf,
  storageProblems,
  storageSchema,
} from "./distribution-storage.ts";
import {
  collectGarbage,
  collector,
  configFile,
  type GarbageCollectionArgs,
  program,
  type RegistryTransform,
  runRegistry,
} from "./distribution-workload.ts";
import { declarePullSecret, type Registry } from "./registry.ts";

/** Another registry whose images are passed on, and kept for the next time. */
export interface UpstreamArgs {
  /** URL of the other registry: "https://registry-1.docker.io". */
  url: string;
  /** Holds the name at the other registry. Default: it is asked without one. */
  username?: SecretKeyArgs;
  /** Holds the password that goes with it. Default: none. */
  password?: SecretKeyArgs;
}

/** Arguments of {@link Distribution}. */
export interface DistributionArgs {
  /** DNS name under which it is reached, as it stands before an image's path. */
  host: string;
  /** Namespace. Default: "distribution". */
  namespace?: string;
  /** `single` or `ha`: two replicas, which need a bucket. Default: `single`. */
  size?: Size;
  /** Where images are kept. Default: a volume of 20Gi. */
  storage?: RegistryStorageArgs;
  /** When layers are removed that no manifest names. Default: never. */
  garbageCollection?: GarbageCollectionArgs;
  /** Passes on the images of another registry and keeps them; nobody can push then. Default: it keeps what is pushed. */
  upstream?: UpstreamArgs;
  /** Type of the Service: "ClusterIP", "NodePort" or "LoadBalancer". Default: "ClusterIP". */
  serviceType?: string;
  /** Annotations of the Service, by which clouds are told what kind of load balancer. Default: none. */
  serviceAnnotations?: Record<string, string>;
  /** Cluster IP of the Service, which the certificate is for as well: for nodes that find no `host` by DNS. Default: any. */
  address?: string;
  /** Raised by one, it has new passwords made; whoever pushes or pulls then needs them. Default: 1. */
  passwordGeneration?: number;
  /** Secret of type `kubernetes.io/tls` in the namespace, where the certificate is somebody else's. Default: one is asked for. */
  certificate?: string;
  /** Registry that holds the images of the programs under their own repository names. Default: the vendor's. */
  mirror?: string;
}

/** What code says about {@link Distribution}. */
export interface DistributionOptions extends pulumi.ComponentResourceOptions {
  /** Who signs its certificate; needed unless `certificate` names one. */
  certificates?: Certificates;
  /** Changes its workload. */
  transform?: RegistryTransform;
}

const serviceTypes = ["ClusterIP", "NodePort", "LoadBalancer"];
const cron = /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|(\S+\s+){4}\S+)$/;

const schema = z.strictObject({
  host: z.string().regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, {
    error: 'a DNS name such as "registry.example.com", without a port',
  }),
  namespace: objectName.exactOptional(),
  size: size.exactOptional(),
  storage: storageSchema.exactOptional(),
  garbageCollection: z
    .strictObject({
      schedule: z.string().regex(cron, 'a cron schedule of five fields such as "0 3 * * 0"'),
      untagged: z.boolean("true or false").exactOptional(),
    })
    .exactOptional(),
  upstream: z
    .strictObject({ url, username: secretKey.exactOptional(), password: secretKey.exactOptional() })
    .exactOptional(),
  serviceType: z.enum(serviceTypes, `one of ${serviceTypes.join(", ")}`).exactOptional(),
  serviceAnnotations: z.record(z.string(), z.string("a text")).exactOptional(),
  address: z.ipv4('an address of the Services of the cluster such as "10.96.0.50"').exactOptional(),
  passwordGeneration: z.int("a whole number from 1 on").min(1, "a whole number from 1 on").exactOptional(),
  certificate: objectName.exactOptional(),
  mirror: z.string().exactOptional(),
});

const problemsIn = (args: DistributionArgs, certificates: Certificates | undefined): Problem[] => {
  const problems = problemsOf(schema.safeParse(args), args, "");
  if (problems.length > 0) return problems;
  const { storage = {}, upstream, garbageCollection, certificate } = args;
  const shared = storage.s3 ?? storage.gcs ?? storage.azure;
  return [
    ...storageProblems(storage),
    ...(args.size === Size.Ha && !shared
      ? [{ field: "size", value: args.size, allowed: '"single" with a volume; "ha" with storage in s3, gcs or azure' }]
      : []),
    ...(upstream && garbageCollection
      ? [
          {
            field: "garbageCollection",
            value: garbageCollection,
            allowed: "not with upstream, which ends what it keeps itself",
          },
        ]
      : []),
    ...(Boolean(upstream?.username) !== Boolean(upstream?.password)
      ? [{ field: "upstream", value: upstream, allowed: "username and password, or neither" }]
      : []),
    ...(certificate && certificates
      ? [{ field: "certificate", value: certificate, allowed: "only where no certificates are given as an option" }]
      : []),
    ...(certificate || certificates
      ? []
      : [{ field: "certificate", value: certificate, allowed: "name of a Secret, or the option certificates" }]),
  ];
};

const ownCertificate = "registry-certificate";

/**
 * A registry for images: CNCF Distribution behind a Traefik of its own, which ends TLS and takes writes from the account
 * `push` alone; the account `pull` reads.
 *
 * @example
 * const certificates = new CertManager("certificates");
 * const registry = new Distribution("registry", { host: "registry.example.com" }, { certificates });
 * registry.pullSecret("shop", "shop", {});
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Distribution extends pulumi.ComponentResource {
  /** Host as it stands before an image's path. */
  readonly host: pulumi.Output<string>;
  /** Name of the account that pushes; undefined with `upstream`. */
  readonly pushUsername: pulumi.Output<string | undefined>;
  /** Its password, a secret. */
  readonly pushPassword: pulumi.Output<string | undefined>;

  constructor(name: string, args: DistributionArgs, opts: DistributionOptions = {}) {
    const { certificates, transform = {}, ...options } = opts;
    refuse(`Distribution ${name}`, problemsIn(args, certificates));
    super("plumbline:index:Distribution", name, { ...args }, options);
    const { host, namespace = "distribution", mirror, upstream, garbageCollection, address } = args;
    const { passwordGeneration: generation } = args;
    const parent = { parent: this };
    const home = layerNamespace(name, { namespace, slot: "registry", keep: true }, parent);
    const within = { ...parent, dependsOn: home };
    const metadata = { name: program, namespace, labels: labels(program) };
    const storage = storageOf(args.storage ?? {});
    const accounts = declareAccounts(name, { namespace, realm: host, generation }, within);
    const issued = certificates?.issue(
      `${name}-certificate`,
      { name: program, namespace, hosts: [host], ...(address && { addresses: [address] }), secret: ownCertificate },
      within,
    );
    const files = {
      [configFile]: registryConfiguration({
        realm: host,
        storage,
        redirect: args.storage?.redirect ?? true,
        upstream: upstream?.url,
      }),
      "traefik.yaml": frontConfiguration(),
      "routes.yaml": frontRoutes(!upstream),
    };
    const configuration = new k8s.core.v1.ConfigMap(name, { metadata, data: files }, within);
    const account = new k8s.core.v1.ServiceAccount(
      name,
      { metadata: { ...metadata, annotations: storage.annotations }, automountServiceAccountToken: false },
      within,
    );
    const service = declareService(name, metadata, args, within);
    const opened = openings(name, namespace, [...remotePorts(storage.port, upstream?.url)], within);
    const workload = {
      namespace,
      mirror,
      replicas: args.size === Size.Ha ? 2 : 1,
      storage,
      certificate: args.certificate ?? ownCertificate,
      writable: !upstream,
      env: [
        secretEnv("REGISTRY_HTTP_SECRET", { name: accountsName(generation), key: "uploads" }),
        ...upstreamEnv(upstream),
      ],
      files,
      transform,
    };
    const after = [configuration, account, service, ...accounts.secrets, ...opened, ...(issued ? [issued] : [])];
    const runs = runRegistry(name, workload, { ...parent, dependsOn: after });
    if (garbageCollection) collectGarbage(name, workload, garbageCollection, { ...parent, dependsOn: runs });
    this.host = pulumi.output(host);
    this.pushUsername = pulumi.output(upstream ? undefined : accountNames.push);
    this.pushPassword = upstream ? pulumi.output(undefined) : accounts.pushPassword;
    settled.set(this, { ...accounts, runs });
    this.registerOutputs({ host: this.host, pushUsername: this.pushUsername, pushPassword: this.pushPassword });
  }

  /** Declares the Secret `registry` in a namespace, with which its pods pull. */
  pullSecret(name: string, namespace: pulumi.Input<string>, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("Distribution.pullSecret was called on an object that is no Distribution component");
    const account = { host: this.host, username: accountNames.pull, password: facts.pullPassword };
    return declarePullSecret(name, namespace, account, opts);
  }
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<Distribution, Accounts & { readonly runs: pulumi.Resource }>();

const secretEnv = (name: string, { name: secret, key }: SecretKeyArgs) => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});

const upstreamEnv = ({ username, password }: Partial<UpstreamArgs> = {}) => [
  ...(username ? [secretEnv("REGISTRY_PROXY_USERNAME", username)] : []),
  ...(password ? [secretEnv("REGISTRY_PROXY_PASSWORD", password)] : []),
];

const remotePorts = (storage: number | undefined, upstream: string | undefined): Set<number> =>
  new Set([...(storage ? [storage] : []), ...(upstream ? [portOf(upstream), 443] : [])]);

const declareService = (
  name: string,
  metadata: k8s.types.input.meta.v1.ObjectMeta,
  { serviceType = "ClusterIP", serviceAnnotations, address }: DistributionArgs,
  opts: pulumi.ComponentResourceOptions,
) =>
  new k8s.core.v1.Service(
    name,
    {
      metadata: { ...metadata, ...(serviceAnnotations && { annotations: serviceAnnotations }) },
      spec: {
        type: serviceType,
        ...(address && { clusterIP: address }),
        selector: labels(program),
        ports: [{ name: "https", port: 443, targetPort: "https", protocol: "TCP" }],
      },
    },
    opts,
  );

// Who pulls is a node, which no selector knows: what protects the registry are its accounts.
const openings = (
  name: string,
  namespace: string,
  remote: readonly number[],
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const tcp = (port: number) => ({ protocol: "TCP", port });
  const policy = (suffix: string, spec: k8s.types.input.networking.v1.NetworkPolicySpec) =>
    new k8s.networking.v1.NetworkPolicy(
      `${name}${suffix}`,
      { metadata: { name: `${program}${suffix}`, namespace }, spec },
      opts,
    );
  return [
    policy("", {
      podSelector: { matchLabels: labels(program) },
      policyTypes: ["Ingress"],
      ingress: [
        { ports: [tcp(ports.https)] },
        {
          from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
          ports: [tcp(ports.debug)],
        },
      ],
    }),
    ...(remote.length > 0
      ? [
          policy("-to-storage", {
            podSelector: {
              matchExpressions: [{ key: "app.kubernetes.io/name", operator: "In", values: [program, collector] }],
            },
            policyTypes: ["Egress"],
            // Buckets and other registries are addresses outside of every selector.
            egress: [{ ports: remote.map(tcp) }],
          }),
        ]
      : []),
  ];
};

const bucketAt = (cloud: Cloud, namespace: string) => {
  const { name: bucket, readWrite } = cloud.bucket("registry");
  return {
    storage: { s3: { bucket, region: cloud.region } },
    identity: cloud.identity({ namespace, serviceAccount: program, grants: [readWrite] }),
  };
};

/** Distribution as the layer of the slot `registry`. */
export const distribution = (
  args: Omit<DistributionArgs, "mirror" | "certificate" | "storage"> & {
    storage?: RegistryStorageArgs | OfCluster;
  } & Pick<DistributionOptions, "transform">,
): Layer<"registry", "cluster" | "certificates"> => {
  const { namespace = "distribution", host, address, passwordGeneration } = args;
  return layer({
    slot: "registry",
    implementation: "distribution",
    version: version("distribution"),
    ...(args.storage === ofCluster && { asks: ["bucket"] as const }),
    needs: ["cluster", "certificates"],
    reach: { service: program, namespace, port: 443, scheme: "https" },
    ...(address && {
      pulled: { host, address, namespace, certificate: ownCertificate, accounts: accountsName(passwordGeneration) },
    }),
    build: (name, { cluster, certificates }, opts): Registry => {
      const { transform, storage, ...rest } = args;
      const made = storage === ofCluster ? bucketAt(cloudOf(cluster), namespace) : undefined;
      const kept = storage === ofCluster ? made?.storage : classed(storage, cluster.retainingClass);
      const registry = new Distribution(
        name,
        { ...rest, ...(kept && { storage: kept }), ...(cluster.mirror && { mirror: cluster.mirror }) },
        { ...(made ? afterIdentity(opts, made.identity) : opts), certificates, ...(transform && { transform }) },
      );
      const { host: at, pushUsername, pushPassword } = registry;
      return {
        host: at,
        pullSecret: (...declared) => registry.pullSecret(...declared),
        ...(!args.upstream && {
          pushCredentials: {
            username: pushUsername.apply((username) => username ?? ""),
            password: pushPassword.apply((password) => password ?? ""),
          },
        }),
      };
    },
  });
};
