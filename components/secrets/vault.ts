// Who keeps secrets? Vault on its own storage, opened without a person, and the agent by which an app's pods read theirs.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Certificates } from "../certificates/certificates.ts";
import { objectName, size, volume } from "../check.ts";
import { afterIdentity, cloudOf, type OfCluster, ofCluster } from "../cloud.ts";
import { problemsOf } from "../delivery/app.ts";
import { layerNamespace } from "../namespace.ts";
import { type Problem, refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import type { SecretRequest, Secrets } from "./secrets.ts";
import {
  address,
  agentConfig,
  configurator,
  configuratorRules,
  mount,
  type PathRuleArgs,
  policy,
  ports,
  type RoleArgs,
  role,
  type SealArgs,
} from "./vault-config.ts";
import { configuring, grantLabel } from "./vault-configurator.ts";
import { servers } from "./vault-server.ts";

/** Arguments of {@link Vault}. */
export interface VaultArgs {
  /** Namespace. Default: "vault". */
  namespace?: string;
  /** `single` or `ha`: servers that elect one of them by Raft. Default: `single`. */
  size?: Size;
  /** Servers of size `ha`: 3, 5 or 7. Default: 3. */
  replicas?: number;
  /** Volume of each server. Default: "10Gi". */
  storage?: string;
  /** StorageClass of the volumes. Default: the one of the cluster that keeps volumes, else its default. */
  storageClass?: string;
  /**
   * What opens Vault after each start. Default: a share in a Secret beside it, which keeps nobody out who reads Secrets
   * there. That is for local clusters, not for production.
   */
  seal?: SealArgs;
  /** Policies by name, beside those of apps. Default: none. */
  policies?: Record<string, PathRuleArgs[]>;
  /** Roles of the Kubernetes auth method, beside those of apps. Default: none. */
  roles?: RoleArgs[];
  /** Values that are made at random, once, where there is none yet: "shop/database#password". Default: none. */
  generated?: string[];
  /** How long a changed value may take to reach an app, as a Go duration. Default: "1m". */
  refresh?: string;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
}

/** What code says about {@link Vault}. */
export interface VaultOptions extends pulumi.ComponentResourceOptions {
  /** Who signs the certificate of the servers: an authority that signs names within the cluster. */
  certificates: Certificates;
  transform?: {
    /** Changes the StatefulSet of the servers. */
    server?: (args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs;
    /** Changes the Deployment of what configures them. */
    configurator?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
  };
}

const capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo", "deny"];
const duration = z.string().regex(/^([0-9]+(s|m|h))+$/, 'a Go duration such as "30s" or "1h"');
const declaredName = z
  .string()
  .regex(
    /^(?!root$|default$|vault-configurator$)[a-z][-a-z0-9]{0,62}$/,
    "1 to 63 of a-z, 0-9 and -, not a name of Vault's own",
  );
const valuePattern = /^[\w.-]+(\/[\w.-]+)*#[a-zA-Z_]\w*$/;
const valueWanted = `"<path>#<key>" within ${mount}/: "shop/database#password", the key of a-z, A-Z, 0-9 and _`;
const names = z.array(objectName).min(1, "one name or more");

const schema = z.strictObject({
  namespace: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "1 to 63 of a-z, 0-9 and -")
    .exactOptional(),
  size: size.exactOptional(),
  replicas: z
    .literal(
      [3, 5, 7],
      "3, 5 or 7: Raft needs more than half of the servers, so an even number bears no more losses than one less",
    )
    .exactOptional(),
  storage: volume.exactOptional(),
  storageClass: z.string().min(1, "name of a StorageClass").exactOptional(),
  seal: z
    .strictObject({
      awsKms: z.strictObject({
        keyId: z.string().min(1, "identifier, ARN or alias of a key"),
        region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'an AWS region, as "eu-central-1"'),
        endpoint: z.url({ protocol: /^https?$/, error: "an http or https URL" }).exactOptional(),
        role: z
          .string()
          .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/, "ARN of an IAM role")
          .exactOptional(),
      }),
    })
    .exactOptional(),
  policies: z
    .record(
      declaredName,
      z.array(
        z.strictObject({
          path: z.string().regex(/^[^/\s"\\][^\s"\\]*$/, "a path without a slash in front"),
          capabilities: z.array(z.enum(capabilities, `of ${capabilities.join(", ")}`)).min(1, "one capability or more"),
        }),
      ),
    )
    .exactOptional(),
  roles: z
    .array(
      z.strictObject({
        name: declaredName,
        serviceAccounts: names,
        namespaces: names,
        policies: z.array(z.string().min(1, "name of a policy")).min(1, "one policy or more"),
        ttl: duration.exactOptional(),
      }),
    )
    .exactOptional(),
  generated: z.array(z.string().regex(valuePattern, valueWanted)).exactOptional(),
  refresh: duration.exactOptional(),
  mirror: z.string().exactOptional(),
});

// What the schema cannot say of single fields.
const contradictions = ({ size = Size.Single, replicas, policies = {}, roles = [], generated = [] }: VaultArgs) => {
  const problems: Problem[] = [];
  const twice = (field: string, values: readonly string[]) => {
    for (const [index, value] of values.entries())
      if (values.indexOf(value) < index)
        problems.push({
          field: `${field}.${index}`,
          value,
          allowed: `only once: ${field}.${values.indexOf(value)} has it`,
        });
  };
  if (replicas && size !== Size.Ha)
    problems.push({ field: "replicas", value: replicas, allowed: 'only with size "ha"' });
  twice(
    "roles",
    roles.map(({ name }) => name),
  );
  // A path is written as a whole.
  twice(
    "generated",
    generated.map((value) => value.split("#")[0] ?? ""),
  );
  for (const [index, { policies: wanted }] of roles.entries())
    for (const each of wanted)
      if (!(each in policies) && each !== "default")
        problems.push({ field: `roles.${index}.policies`, value: each, allowed: "a policy of these arguments" });
  return problems;
};

/**
 * Vault: initialised, opened and configured without a person. What is declared here and by {@link Vault.grant} is what
 * holds in it; a role or policy that is taken out of the declaration is taken out of Vault.
 *
 * @example
 * new Vault("secrets", { seal: { awsKms: { keyId: "alias/vault", region: "eu-central-1" } }, size: "ha" }, { certificates });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Vault extends pulumi.ComponentResource implements Secrets {
  /** URL of the API within the cluster. */
  readonly address: pulumi.Output<string>;

  constructor(name: string, args: VaultArgs, opts: VaultOptions) {
    const { certificates, transform, ...options } = opts;
    const problems = problemsOf(schema.safeParse(args), args, "");
    refuse(`Vault ${name}`, [...problems, ...(problems.length === 0 ? contradictions(args) : [])]);
    super("plumbline:index:Vault", name, { ...args }, options);
    const { namespace = "vault", seal, mirror, storage = "10Gi", storageClass, generated = [] } = args;
    const replicas = args.size === Size.Ha ? (args.replicas ?? 3) : 1;
    const home = layerNamespace(name, { namespace, slot: "secrets", keep: true }, { parent: this });
    const within = { parent: this, dependsOn: home };
    if (!seal) {
      const why = `whoever reads Secret vault-keys of namespace ${namespace} opens it. Not for production: give it a seal`;
      void pulumi.log.warn(`Vault ${name} is opened with a share that lies beside it, and ${why}`, this);
    }
    const { set, certificate } = servers(
      name,
      {
        namespace,
        replicas,
        mirror,
        seal,
        storage: { size: storage, className: storageClass },
        certificates,
        transform: transform?.server,
      },
      within,
    );
    const configured = configuring(
      name,
      {
        namespace,
        replicas,
        mirror,
        opensItself: seal !== undefined,
        files: declaredFiles(args, namespace, generated),
        transform: transform?.configurator,
      },
      within,
      // A kubelet that misses a Secret asks again after minutes.
      [certificate],
    );
    settled.set(this, { namespace, refresh: args.refresh ?? "1m", certificates, ready: [home, set, configured] });
    this.address = pulumi.output(address(namespace));
    this.registerOutputs({ address: this.address });
  }

  /**
   * Lets the pods of a ServiceAccount read values, and declares in its namespace what the agent in them needs: ConfigMap
   * `vault-agent` and Secret `vault-authority`, which holds the authority that Vault is known by. `docs/layers.md` shows the pod.
   *
   * @throws InvalidDeclaration where a value is not named as "<path>#<key>"
   */
  grant(name: string, request: SecretRequest, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("Vault.grant was called on an object that is no Vault component");
    const { serviceAccount, files } = request;
    refuse(
      `secrets of app ${request.app}`,
      Object.entries(files)
        .filter(([, value]) => !valuePattern.test(value))
        .map(([file, value]) => ({ field: `files.${file}`, value, allowed: valueWanted })),
    );
    const paths = [...new Set(Object.values(files).map((value) => `${mount}/data/${value.split("#")[0]}`))].sort();
    const reads = policy(paths.map((path) => ({ path, capabilities: ["read"] })));
    const namespace = pulumi.output(request.namespace);
    const called = namespace.apply((within) => `${within}.${serviceAccount}`);
    const granted = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: {
          name: called.apply((each) => `grant-${each}`),
          namespace: facts.namespace,
          labels: { [grantLabel]: "true" },
        },
        // One word for a shell that reads no JSON: name, role and policy.
        binaryData: {
          grant: pulumi.all([called, namespace]).apply(([each, within]) => {
            const bound = role({ serviceAccounts: [serviceAccount], namespaces: [within], policies: [each] });
            return Buffer.from(`${each}\n${bound}\n${reads}`).toString("base64");
          }),
        },
      },
      pulumi.mergeOptions(opts, { dependsOn: facts.ready }),
    );
    const authority = facts.certificates.issue(
      `${name}-authority`,
      {
        name: "vault-authority",
        namespace,
        hosts: [pulumi.interpolate`${serviceAccount}.${namespace}.svc`],
        secret: "vault-authority",
      },
      opts,
    );
    return new k8s.core.v1.ConfigMap(
      `${name}-agent`,
      {
        metadata: { name: "vault-agent", namespace },
        data: { "agent.json": called.apply((each) => agentConfig(facts.namespace, each, files, facts.refresh)) },
      },
      pulumi.mergeOptions(opts, { dependsOn: [granted, authority] }),
    );
  }
}

const declaredFiles = ({ policies = {}, roles = [] }: VaultArgs, namespace: string, generated: string[]) => ({
  [`policy.${configurator}`]: policy(configuratorRules(generated)),
  [`role.${configurator}`]: role({
    serviceAccounts: [configurator],
    namespaces: [namespace],
    policies: [configurator],
    ttl: "5m",
  }),
  ...Object.fromEntries(Object.entries(policies).map(([each, rules]) => [`policy.${each}`, policy(rules)])),
  ...Object.fromEntries(roles.map(({ name, ...each }) => [`role.${name}`, role(each)])),
  generated: generated.map((value) => `${value}\n`).join(""),
});

interface Facts {
  readonly namespace: string;
  readonly refresh: string;
  readonly certificates: Certificates;
  readonly ready: pulumi.Resource[];
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<Vault, Facts>();

/** Vault as the layer of the slot `secrets`. */
export const vault = (
  args: Omit<VaultArgs, "mirror" | "seal"> & { seal?: SealArgs | OfCluster } & Pick<VaultOptions, "transform"> = {},
): Layer<"secrets", "cluster" | "certificates"> =>
  layer({
    slot: "secrets",
    implementation: "vault",
    version: version("vault"),
    ...(args.seal === ofCluster && { asks: ["key"] as const }),
    needs: ["cluster", "certificates"],
    reach: { service: "vault", namespace: args.namespace ?? "vault", port: ports.api, scheme: "https" },
    build: (name, { cluster, certificates }, opts) => {
      const { transform, seal, ...rest } = args;
      const declare = (own: SealArgs | undefined, options: pulumi.ComponentResourceOptions) =>
        new Vault(
          name,
          {
            ...(cluster.retainingClass && { storageClass: cluster.retainingClass }),
            ...rest,
            ...(own && { seal: own }),
            ...(cluster.mirror && { mirror: cluster.mirror }),
          },
          { ...options, certificates, ...(transform && { transform }) },
        );
      if (seal !== ofCluster) return declare(seal, opts);
      const cloud = cloudOf(cluster);
      const { alias, unseal } = cloud.key("vault");
      const { namespace = "vault" } = args;
      const identity = cloud.identity({ namespace, serviceAccount: "vault", grants: [unseal] });
      return declare({ awsKms: { keyId: alias, region: cloud.region } }, afterIdentity(opts, identity));
    },
  });
