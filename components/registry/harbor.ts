// How are images kept by Harbor? The vendor's chart, from typed arguments, and a Job that brings what a stack declares into it.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Certificates } from "../certificates/certificates.ts";
import { installChart, type ValuesTransform } from "../chart.ts";
import { charts } from "../chart-versions.ts";
import { type Cloud, type CloudDatabaseArgs, cloudOf, type OfCluster, ofCluster } from "../cloud.ts";
import type { Ingress } from "../ingress/ingress.ts";
import { layerNamespace } from "../namespace.ts";
import { refuse } from "../problems.ts";
import type { Secrets } from "../secrets/secrets.ts";
import { type Layer, layer } from "../slot.ts";
import { labels } from "../workload.ts";
import { declareGround, openHarbor } from "./harbor-access.ts";
import { type HarborArgs, type HarborDatabaseArgs, harborProblems, ownRobots, robotPrefix } from "./harbor-args.ts";
import { declareKeys, declareRobotPassword, keysSecret } from "./harbor-keys.ts";
import { declareSettingsJob, settingsOf } from "./harbor-settings.ts";
import { classed, storageOf } from "./harbor-storage.ts";
import { chartNames, harborValues, registryUser } from "./harbor-values.ts";
import { declareLogin, declarePullSecret, type Registry } from "./registry.ts";

/** What code says about {@link Harbor}. */
export interface HarborOptions extends pulumi.ComponentResourceOptions {
  /** Who signs its certificate; needed unless `certificate` names one. */
  certificates?: Certificates;
  /** Who lets requests in. Default: Harbor's own front, as a Service of type LoadBalancer. */
  ingress?: Ingress;
  /** Declares in its namespace what its pods need before they start. Default: nothing. */
  provisions?: (namespace: string, opts: pulumi.ComponentResourceOptions) => pulumi.Resource[];
  transform?: {
    /** Changes the values of the chart. */
    values?: ValuesTransform;
    /** Changes the Job of the settings. */
    job?: (args: k8s.batch.v1.JobArgs) => k8s.batch.v1.JobArgs;
  };
}

const ownCertificate = "harbor-certificate";

/**
 * Harbor, from the vendor's chart: registry, portal, scanner Trivy and exporter, with a database and a Redis in the cluster or
 * outside. Projects, caches, robots, retention, sign-in and garbage collection are values here; a Job applies them.
 *
 * @example
 * new Harbor("registry", { host: "harbor.example.com", certificate: "harbor-tls", projects: [{ name: "shop" }] });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Harbor extends pulumi.ComponentResource {
  /** Host as it stands before an image's path. */
  readonly host: pulumi.Output<string>;
  /** Name of the robot that pushes to every project. */
  readonly pushUsername: pulumi.Output<string>;
  /** Its password, a secret. */
  readonly pushPassword: pulumi.Output<string>;

  constructor(name: string, args: HarborArgs, opts: HarborOptions = {}) {
    const { certificates, ingress, provisions, transform = {}, ...options } = opts;
    refuse(`Harbor ${name}`, harborProblems(args, certificates !== undefined));
    super("plumbline:index:Harbor", name, { ...args }, options);
    const { host, namespace = "harbor", mirror, robots = [] } = args;
    const certificate = args.certificate ?? ownCertificate;
    const storage = storageOf(args.storage ?? {});
    const parent = { parent: this };
    const home = layerNamespace(name, { namespace, slot: "registry", keep: true }, parent);
    const within = { ...parent, dependsOn: home };
    const issued =
      certificates && !args.certificate
        ? [
            certificates.issue(
              `${name}-certificate`,
              { name: "harbor", namespace, hosts: [host], secret: certificate },
              within,
            ),
          ]
        : [];
    const keys = args.keys ? [] : [declareKeys(name, namespace, registryUser, within)];
    const keysName = args.keys ?? keysSecret;
    const before = [
      ...issued,
      ...keys,
      ...(provisions?.(namespace, within) ?? []),
      ...declareGround(name, namespace, storage, within),
      ...openHarbor(name, namespace, args, { ingress: ingress !== undefined, storage }, within),
    ];
    const installed = installChart(
      name,
      {
        chart: charts.harbor,
        from: args.chart,
        namespace,
        home,
        slot: "registry",
        release: chartNames.release,
        values: harborValues(args, { ingress: ingress !== undefined, certificate, storage, keys: keysName }),
        transform: transform.values,
      },
      { ...parent, dependsOn: before },
    );
    ingress?.expose(
      `${name}-ingress`,
      { name: "harbor", namespace, host, service: chartNames.service, port: 80, certificate },
      { ...parent, dependsOn: [...issued, installed] },
    );
    const accounts = [ownRobots.pull, ownRobots.push, ...robots.map((robot) => robot.name)].map((robot) => ({
      robot,
      ...declareRobotPassword(name, robot, namespace, within),
    }));
    const passwordOf = (robot: string) => accounts.find((each) => each.robot === robot)?.password ?? pulumi.output("");
    const applied = declareSettingsJob(
      name,
      settingsOf(args, keysName),
      { namespace, mirror, transform: transform.job },
      { ...parent, dependsOn: [home, installed, ...before, ...accounts.map(({ secret }) => secret)] },
    );
    for (const { name: robot, namespace: reader = namespace } of robots) {
      declareLogin(
        `${name}-login-${robot}`,
        { name: `robot-${robot}`, namespace: reader },
        { host, username: `${robotPrefix}${robot}`, password: passwordOf(robot) },
        { ...parent, dependsOn: applied },
      );
    }
    this.host = pulumi.output(host);
    this.pushUsername = pulumi.output(`${robotPrefix}${ownRobots.push}`);
    this.pushPassword = passwordOf(ownRobots.push);
    settled.set(this, { password: passwordOf(ownRobots.pull), applied });
    this.registerOutputs({ host: this.host, pushUsername: this.pushUsername, pushPassword: this.pushPassword });
  }

  /** Declares the Secret `registry` in a namespace, with which its pods pull from every project. */
  pullSecret(name: string, namespace: pulumi.Input<string>, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("Harbor.pullSecret was called on an object that is no Harbor component");
    const account = { host: this.host, username: `${robotPrefix}${ownRobots.pull}`, password: facts.password };
    return declarePullSecret(name, namespace, account, pulumi.mergeOptions(opts, { dependsOn: facts.applied }));
  }
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<Harbor, { readonly password: pulumi.Output<string>; readonly applied: pulumi.Resource }>();

const databaseService = "harbor-database-outside";
const databaseSecret = "harbor-database-outside";

/** A database of the cluster's cloud, under a name and with a Secret within the namespace of Harbor. */
const databaseAt = (name: string, cloud: Cloud, copy: NonNullable<Secrets["copy"]>, size: CloudDatabaseArgs) => {
  const { host, port, username, database, secret, ready } = cloud.database("harbor", size);
  return {
    args: { host: databaseService, port, username, database, secret: databaseSecret },
    provisions: (namespace: string, opts: pulumi.ComponentResourceOptions): pulumi.Resource[] => {
      const after = pulumi.mergeOptions(opts, { dependsOn: [...ready] });
      return [
        // Its name is not known before it is made, and the values of a chart are.
        new k8s.core.v1.Service(
          `${name}-database`,
          {
            metadata: { name: databaseService, namespace, labels: labels("harbor") },
            spec: { type: "ExternalName", externalName: host },
          },
          after,
        ),
        copy(`${name}-database`, { namespace, secret: databaseSecret, from: secret, keys: ["password"] }, after),
      ];
    },
  };
};

/** A database that the cluster makes at its cloud, or how large it makes it. */
export type HarborDatabaseOfCluster = OfCluster | { readonly ofCluster: CloudDatabaseArgs };

const sizeOf = (database: HarborDatabaseArgs | HarborDatabaseOfCluster | undefined): CloudDatabaseArgs | undefined => {
  if (database === ofCluster) return {};
  return database && "ofCluster" in database ? database.ofCluster : undefined;
};

/**
 * Harbor as the layer of the slot `registry`. Its host is exposed by the layer for ingress, where there is one.
 *
 * @throws InvalidDeclaration, of a database `ofCluster` without a layer for secrets that reads its password
 */
export const harbor = (
  args: Omit<HarborArgs, "mirror" | "database"> & { database?: HarborDatabaseArgs | HarborDatabaseOfCluster } & Pick<
      HarborOptions,
      "transform"
    >,
): Layer<"registry", "cluster", "certificates" | "ingress" | "secrets"> => {
  const size = sizeOf(args.database);
  return layer({
    slot: "registry",
    implementation: "harbor",
    version: charts.harbor.appVersion,
    ...(size && { asks: ["database"] as const }),
    needs: ["cluster"],
    uses: ["certificates", "ingress", "secrets"],
    reach: { service: chartNames.service, namespace: args.namespace ?? "harbor", port: 80, scheme: "http" },
    build: (name, { cluster, certificates, ingress, secrets }, opts): Registry => {
      const { transform, database, ...rest } = args;
      const { retainingClass } = cluster;
      if (size && !secrets?.copy) {
        refuse("harbor", [
          {
            field: "database",
            value: database,
            allowed:
              'only with externalSecrets({ store: { aws: { region } } }) in the slot "secrets", which copies the password that RDS keeps in Secrets Manager; or name a database of yours and its Secret',
          },
        ]);
      }
      const made = size && secrets?.copy ? databaseAt(name, cloudOf(cluster), secrets.copy, size) : undefined;
      const outside = made?.args ?? (database as HarborDatabaseArgs | undefined);
      const onVolumes = retainingClass && {
        storage: classed(args.storage, retainingClass),
        volumes: { storageClass: retainingClass, ...args.volumes },
      };
      const registry = new Harbor(
        name,
        {
          ...rest,
          ...onVolumes,
          ...(outside && { database: outside }),
          ...(cluster.mirror && { mirror: cluster.mirror }),
        },
        {
          ...opts,
          ...(certificates && { certificates }),
          ...(ingress && { ingress }),
          ...(made && { provisions: made.provisions }),
          ...(transform && { transform }),
        },
      );
      return {
        host: registry.host,
        pullSecret: (...declared) => registry.pullSecret(...declared),
        pushCredentials: { username: registry.pushUsername, password: registry.pushPassword },
      };
    },
  });
};
