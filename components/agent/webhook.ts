// How does an agent learn of a push at once? A receiver beside it, which checks who sent it and annotates what follows.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { Certificates } from "../certificates/certificates.ts";
import type { Ingress } from "../ingress/ingress.ts";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";
import type { Told } from "./webhook-receiver/cluster.ts";

/** What a receiver of push events is told. */
export interface AgentWebhookArgs {
  /** What senders prove to know, at least 16 characters. Default: one that is made once, in the Secret `webhook` beside the agent. */
  secret?: pulumi.Input<string>;
}

/** Where a receiver is reached from outside. */
export interface WebhookExposure {
  /** DNS name. */
  host: string;
  ingress: Ingress;
  certificates: Certificates;
}

/** Name of the receiver's objects, and of its pods. */
export const webhookName = "webhook";
const port = 8080;

/** Where and for whom the receiver is. */
export interface WebhookPlace extends Told {
  readonly mirror: string | undefined;
  readonly secret: pulumi.Input<string> | undefined;
  readonly exposed: WebhookExposure | undefined;
}

// As they stand beside this file: TypeScript here, JavaScript in the published package. Node runs both.
const form = extname(import.meta.url);
const program = (): Record<string, string> => ({
  "package.json": JSON.stringify({ type: "module" }),
  ...Object.fromEntries(
    ["main", "server", "cluster", "events", "followers", "signatures"].map((file) => [
      `${file}${form}`,
      readFileSync(new URL(`./webhook-receiver/${file}${form}`, import.meta.url), "utf8"),
    ]),
  ),
});

/** Declares the receiver: its secret, its program, the least rights, and the way to it. */
export const declareWebhook = (
  prefix: string,
  { agent, namespace, mirror, secret, exposed }: WebhookPlace,
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.Deployment => {
  const name = `${prefix}-${webhookName}`;
  const metadata = { name: webhookName, namespace, labels: labels(webhookName) };
  const key = new k8s.core.v1.Secret(
    name,
    { metadata, data: { secret: pulumi.secret(secret ?? randomBytes(32).toString("hex")).apply(base64) } },
    // Each run makes another one: that which the cluster has counts.
    { ...opts, ...(secret === undefined && { ignoreChanges: ["data"] }) },
  );
  const told = new k8s.core.v1.ConfigMap(
    name,
    { metadata, data: { ...program(), "settings.json": JSON.stringify({ agent, namespace } satisfies Told) } },
    opts,
  );
  const account = new k8s.core.v1.ServiceAccount(name, { metadata, automountServiceAccountToken: false }, opts);
  const rights = rightsOf(name, { agent, namespace }, opts);
  const openings = new k8s.networking.v1.NetworkPolicy(
    name,
    {
      metadata,
      spec: {
        podSelector: { matchLabels: labels(webhookName) },
        policyTypes: ["Ingress"],
        // Without a host whoever exposes it is somewhere in the cluster; the signature decides.
        ingress: [
          {
            ...(exposed && { from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "ingress" } } }] }),
            ports: [{ protocol: "TCP", port }],
          },
        ],
      },
    },
    opts,
  );
  const deployment = new k8s.apps.v1.Deployment(
    name,
    {
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels(webhookName) },
        template: {
          metadata: { labels: labels(webhookName) },
          spec: {
            serviceAccountName: account.metadata.name,
            automountServiceAccountToken: true,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: 20,
            securityContext: restrictedPod,
            containers: [
              {
                name: webhookName,
                image: image("node", mirror),
                imagePullPolicy: "IfNotPresent",
                command: ["node", `/program/main${form}`, "/program/settings.json", "/secret/secret", String(port)],
                env: [
                  // Another program or other settings are other pods.
                  { name: "PROGRAM", value: told.data.apply((data) => print(JSON.stringify(data))) },
                  { name: "NODE_OPTIONS", value: "--max-old-space-size=64" },
                ],
                ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
                readinessProbe: { ...httpProbe("/healthz", "http"), periodSeconds: 2 },
                livenessProbe: httpProbe("/healthz", "http"),
                resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
                securityContext: restrictedContainer,
                volumeMounts: [
                  { name: "program", mountPath: "/program", readOnly: true },
                  { name: "secret", mountPath: "/secret", readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: "program", configMap: { name: told.metadata.name } },
              { name: "secret", secret: { secretName: key.metadata.name, defaultMode: 0o440 } },
            ],
          },
        },
      },
    },
    { ...opts, dependsOn: [...rights, openings, ...[opts.dependsOn ?? []].flat()] as pulumi.Resource[] },
  );
  const service = new k8s.core.v1.Service(
    name,
    {
      metadata,
      spec: {
        selector: labels(webhookName),
        ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
      },
    },
    opts,
  );
  if (exposed) expose(name, namespace, exposed, { ...opts, dependsOn: [service, deployment] });
  return deployment;
};

/** Arguments of an agent with the secret marked as such: a state keeps it encrypted, whoever gave it. */
export const hidden = <Args extends { webhook?: AgentWebhookArgs }>(args: Args): Args =>
  args.webhook?.secret === undefined
    ? { ...args }
    : { ...args, webhook: { ...args.webhook, secret: pulumi.secret(args.webhook.secret) } };

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const print = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 10);

const expose = (
  name: string,
  namespace: string,
  { host, ingress, certificates }: WebhookExposure,
  opts: pulumi.ComponentResourceOptions,
): void => {
  const certificate = `${webhookName}-certificate`;
  const request = { name: webhookName, namespace };
  const issued = certificates.issue(`${name}-certificate`, { ...request, hosts: [host], secret: certificate }, opts);
  ingress.expose(
    `${name}-ingress`,
    { ...request, host, service: webhookName, port: 80, certificate },
    { ...opts, dependsOn: [...([opts.dependsOn ?? []].flat() as pulumi.Resource[]), issued] },
  );
};

/** What each agent's objects are that follow repositories. Which field it may patch, RBAC cannot say; admission does. */
const rightsOf = (name: string, { agent, namespace }: Told, opts: pulumi.ComponentResourceOptions) => {
  const verbs = ["list", "patch"];
  const subjects = [{ kind: "ServiceAccount", name: webhookName, namespace }];
  const roleRef = (kind: "Role" | "ClusterRole", role: string) => ({
    apiGroup: "rbac.authorization.k8s.io",
    kind,
    name: role,
  });
  if (agent === "argo-cd") {
    // They stand with the apps.
    const role = `plumbline:${webhookName}`;
    const rules: inputs.rbac.v1.PolicyRule[] = [{ apiGroups: ["argoproj.io"], resources: ["applications"], verbs }];
    new k8s.rbac.v1.ClusterRole(name, { metadata: { name: role }, rules }, opts);
    const bound = { metadata: { name: role }, roleRef: roleRef("ClusterRole", role), subjects };
    return [new k8s.rbac.v1.ClusterRoleBinding(name, bound, opts)];
  }
  const metadata = { name: webhookName, namespace };
  const resources = ["gitrepositories", "ocirepositories"];
  const rules: inputs.rbac.v1.PolicyRule[] = [{ apiGroups: ["source.toolkit.fluxcd.io"], resources, verbs }];
  new k8s.rbac.v1.Role(name, { metadata, rules }, opts);
  return [new k8s.rbac.v1.RoleBinding(name, { metadata, roleRef: roleRef("Role", webhookName), subjects }, opts)];
};
