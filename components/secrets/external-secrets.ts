// How do apps get secrets from a store that a cloud keeps? External Secrets, by the vendor's chart, copies them into the cluster.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { installChart, type ValuesTransform, type VendorChartArgs, vendorChart } from "../chart.ts";
import { charts } from "../chart-versions.ts";
import { objectName, size } from "../check.ts";
import { afterIdentity } from "../cloud.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { labels } from "../workload.ts";
import { externalSecretsValues, ports, program } from "./external-secrets-values.ts";
import type { SecretCopy, SecretRequest, Secrets } from "./secrets.ts";

/** AWS Secrets Manager, or the Parameter Store of Systems Manager. */
export interface AwsStoreArgs {
  /** Region: "eu-central-1". */
  region: string;
  /** "SecretsManager" or "ParameterStore". Default: "SecretsManager". */
  service?: string;
  /**
   * ARN of the role that is assumed to read the secrets of an app; `{app}` stands for the name of the app, so that each may
   * have one of its own. Default: none, the identity of the program itself reads all.
   */
  role?: string;
}

/** Google Secret Manager. */
export interface GoogleStoreArgs {
  /** Identifier of the project that holds the secrets. */
  project: string;
}

/** Azure Key Vault. */
export interface AzureStoreArgs {
  /** URL of the vault: "https://shop.vault.azure.net". */
  vaultUrl: string;
  /** Tenant of the workload identity. Default: that of the program's identity. */
  tenant?: string;
}

/** Where the secrets are: one of the stores. It is read with the workload identity of the program, never with a key. */
export interface SecretStoreArgs {
  /** AWS Secrets Manager or Parameter Store. */
  aws?: AwsStoreArgs;
  /** Google Secret Manager. */
  google?: GoogleStoreArgs;
  /** Azure Key Vault. */
  azure?: AzureStoreArgs;
}

/** Arguments of {@link ExternalSecrets}. */
export interface ExternalSecretsArgs {
  /** The store. */
  store: SecretStoreArgs;
  /** Namespace, and the name that the chart's objects begin with. Default: "external-secrets". */
  namespace?: string;
  /** `single` or `ha`: two of each program. Default: `single`. */
  size?: Size;
  /**
   * Annotations of the ServiceAccount, by which clouds give it an identity: `eks.amazonaws.com/role-arn`,
   * `iam.gke.io/gcp-service-account`, `azure.workload.identity/client-id`. Default: none, as EKS Pod Identity needs none.
   */
  identity?: Record<string, string>;
  /** How often a value is read anew, as a Go duration of a minute or more: an app has a changed one after that. Default: "1h". */
  refresh?: string;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
  /** The vendor's chart: another release, or another place that holds it. Default: the pinned one, from the vendor. */
  chart?: VendorChartArgs;
}

/** What code may change about {@link ExternalSecrets}. */
export interface ExternalSecretsOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the values of the chart. */
    values?: ValuesTransform;
  };
}

const text = z.string().min(1, "a text that is not empty");
const schema = z.strictObject({
  store: z
    .strictObject({
      aws: z
        .strictObject({
          region: z.string().regex(/^[a-z]{2,}(-[a-z]+)+-\d$/, 'a region such as "eu-central-1"'),
          service: z.enum(["SecretsManager", "ParameterStore"], '"SecretsManager" or "ParameterStore"').exactOptional(),
          role: z
            .string()
            .regex(
              /^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/,
              'the ARN of a role: "arn:aws:iam::123456789012:role/{app}"',
            )
            .exactOptional(),
        })
        .exactOptional(),
      google: z.strictObject({ project: text }).exactOptional(),
      azure: z
        .strictObject({
          vaultUrl: z.url({ protocol: /^https$/, error: "an https URL" }),
          tenant: text.exactOptional(),
        })
        .exactOptional(),
    })
    .refine((store) => Object.keys(store).length === 1, "one of aws, google and azure"),
  namespace: objectName.exactOptional(),
  size: size.exactOptional(),
  identity: z.record(z.string(), text).exactOptional(),
  refresh: z
    .string()
    .regex(/^(?=.*[1-9])(\d+h)?(\d+m)?$/, 'a Go duration in hours and minutes: "1h", "1h30m", "5m"')
    .exactOptional(),
  mirror: z.string().exactOptional(),
  chart: vendorChart.exactOptional(),
});

/**
 * External Secrets, by the vendor's chart: it reads the secrets of apps from the store of a cloud.
 *
 * **What of the slot's promise it keeps:** no value passes through Git, Pulumi's state or a log, and a changed one reaches the
 * app. **What it does not:** the value comes into being as a Kubernetes Secret in the app's namespace. Whoever may read Secrets
 * or start pods there, and whoever reads the cluster's etcd, has it: the ServiceAccount of the request does not keep others
 * out. Where that is too much, the slot has `vault()`.
 *
 * Each app has a store object of its own, and none is for the whole cluster: an app's namespace reads what was granted to it.
 * Its pods mount the Secret `<app>-secrets`, whose keys are the names of the files.
 *
 * @example
 * const secrets = new ExternalSecrets("secrets", { store: { aws: { region: "eu-central-1", role: "arn:aws:iam::123456789012:role/{app}" } } });
 * secrets.grant("shop", { app: "shop", namespace: "shop", serviceAccount: "shop", files: { password: "shop/db#password" } }, {});
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class ExternalSecrets extends pulumi.ComponentResource implements Secrets {
  /** Name of the store object in the namespace of each app, for manifests that bring an ExternalSecret themselves. */
  readonly store: pulumi.Output<string>;

  constructor(name: string, args: ExternalSecretsArgs, opts: ExternalSecretsOptions = {}) {
    const { transform, ...options } = opts;
    refuse(`ExternalSecrets ${name}`, problemsOf(schema.safeParse(args), args, ""));
    super("plumbline:index:ExternalSecrets", name, { ...args }, options);
    const { namespace = program, size: replicas = Size.Single, refresh = "1h" } = args;
    const parent = { parent: this };
    const chart = installChart(
      name,
      {
        chart: charts["external-secrets"],
        from: args.chart,
        namespace,
        slot: "secrets",
        release: namespace,
        values: externalSecretsValues({
          namespace,
          ha: replicas === Size.Ha,
          identity: args.identity,
          mirror: args.mirror,
        }),
        transform: transform?.values,
      },
      parent,
    );
    new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata: { name: program, namespace, labels: labels(program) },
        spec: {
          podSelector: {},
          policyTypes: ["Ingress"],
          ingress: [
            // The API server asks the webhook; it is no pod, so that a selector does not find it.
            { ports: [{ protocol: "TCP", port: ports.webhook }] },
            {
              from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
              ports: [{ protocol: "TCP", port: ports.metrics }],
            },
          ],
        },
      },
      { ...parent, dependsOn: chart },
    );
    settled.set(this, { chart, store: args.store, refresh });
    this.store = pulumi.output(storeName);
    this.registerOutputs({ store: this.store });
  }

  /** Declares the store object of an app and what is read from it; Pulumi waits until the values are there. */
  grant(name: string, request: SecretRequest, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("ExternalSecrets.grant was called on an object that is no ExternalSecrets component");
    const { app, namespace, files } = request;
    refuse(
      `ExternalSecrets.grant ${name}`,
      Object.entries(files)
        .filter(([, place]) => !/^[^#]+#[^#]+$/.test(place))
        .map(([file, value]) => ({ field: `files.${file}`, value, allowed: "<path>#<key>" })),
    );
    const data = Object.entries(files).map(([secretKey, place]) => {
      const [key = "", property = ""] = place.split("#");
      return { secretKey, remoteRef: { key, property } };
    });
    return declareReading(name, { ...facts, app, namespace, secret: `${app}-secrets`, data }, opts);
  }

  /** Keeps a Secret as one of the store's is, for a layer; Pulumi waits until the values are there. */
  copy(name: string, { namespace, secret, from, keys }: SecretCopy, opts: pulumi.ComponentResourceOptions) {
    const facts = settled.get(this);
    if (!facts) throw new Error("ExternalSecrets.copy was called on an object that is no ExternalSecrets component");
    const data = keys.map((property) => ({ secretKey: property, remoteRef: { key: from, property } }));
    return declareReading(name, { ...facts, app: secret, namespace, secret, data }, opts);
  }
}

interface Reading extends Facts {
  readonly app: string;
  readonly namespace: pulumi.Input<string>;
  /** Secret that is made. */
  readonly secret: string;
  readonly data: readonly { secretKey: string; remoteRef: { key: pulumi.Input<string>; property: string } }[];
}

const declareReading = (
  name: string,
  { chart, store, refresh, app, namespace, secret, data }: Reading,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource => {
  const object = (suffix: string, kind: string, objectName: string, spec: object, after: pulumi.Resource) =>
    new k8s.apiextensions.CustomResource(
      `${name}${suffix}`,
      {
        apiVersion: "external-secrets.io/v1",
        kind,
        metadata: { name: objectName, namespace, annotations: { "pulumi.com/waitFor": "condition=Ready" } },
        spec,
      },
      pulumi.mergeOptions(opts, { dependsOn: after }),
    );
  const from = object("-store", "SecretStore", storeName, { provider: provider(store, app) }, chart);
  return object(
    "",
    "ExternalSecret",
    secret,
    {
      refreshInterval: refresh,
      secretStoreRef: { kind: "SecretStore", name: storeName },
      target: { name: secret, creationPolicy: "Owner", deletionPolicy: "Delete" },
      data,
    },
    from,
  );
};

const storeName = "plumbline";

const provider = ({ aws, google, azure }: SecretStoreArgs, app: string): object => {
  if (aws) {
    const { region, service = "SecretsManager", role } = aws;
    return { aws: { region, service, ...(role && { role: role.replaceAll("{app}", app) }) } };
  }
  if (google) return { gcpsm: { projectID: google.project } };
  return {
    azurekv: {
      vaultUrl: azure?.vaultUrl,
      authType: "WorkloadIdentity",
      ...(azure?.tenant && { tenantId: azure.tenant }),
    },
  };
};

interface Facts {
  readonly chart: pulumi.Resource;
  readonly store: SecretStoreArgs;
  readonly refresh: string;
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<ExternalSecrets, Facts>();

/** External Secrets by the vendor's chart, as the layer of the slot `secrets`. */
export const externalSecrets = (
  args: Omit<ExternalSecretsArgs, "mirror"> & Pick<ExternalSecretsOptions, "transform">,
): Layer<"secrets", "cluster"> =>
  layer({
    slot: "secrets",
    implementation: "external-secrets",
    version: charts["external-secrets"].appVersion.replace(/^v/, ""),
    needs: ["cluster"],
    build: (name, { cluster }, opts): Secrets => {
      const { transform, ...rest } = args;
      const { namespace = program, store, identity: annotated } = args;
      // Nobody says as whom the store is read.
      const identity =
        cluster.cloud && store.aws && !store.aws.role && !annotated
          ? cluster.cloud.identity({ namespace, serviceAccount: namespace, grants: [cluster.cloud.secrets().read] })
          : undefined;
      const made = new ExternalSecrets(
        name,
        { ...rest, ...(cluster.mirror && { mirror: cluster.mirror }) },
        { ...(identity ? afterIdentity(opts, identity) : opts), ...(transform && { transform }) },
      );
      const { service = "SecretsManager" } = store.aws ?? {};
      return {
        grant: (...request) => made.grant(...request),
        // As the identity that the cluster gave it, which may read the passwords of its databases.
        ...(identity && service === "SecretsManager" && { copy: (...copied) => made.copy(...copied) }),
      };
    },
  });
