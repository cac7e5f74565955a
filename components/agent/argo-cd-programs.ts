// What does Argo CD run? The controller that compares and applies, the server that renders repositories, and their cache.
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";
import { controllerHomeRules, controllerRules } from "./argo-cd-rights.ts";
import { cacheFolders, names, tokenProgram } from "./argo-cd-settings.ts";

/** The programs by the names of their objects; they are upstream's. */
export const programs = {
  controller: "argocd-application-controller",
  repoServer: "argocd-repo-server",
  cache: "argocd-redis",
} as const;

/** Ports that the programs listen at. */
const ports = { repoServer: 8081, cache: 6379, controllerFigures: 8082, repoServerFigures: 8084 } as const;

/** The user of the vendor's image, who has a name there. */
const argocd = { ...restrictedPod, runAsUser: 999, runAsGroup: 999, fsGroup: 999 };

type Change = ((args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs) | undefined;

/** What all of them need to know. */
export interface ProgramSettings {
  readonly namespace: string;
  readonly mirror: string | undefined;
  /** Whether any app asks for signatures. */
  readonly verifies: Promise<boolean>;
  /** What must be there before a program starts. */
  readonly after: readonly pulumi.Resource[];
  readonly transform: { readonly controller: Change; readonly repoServer: Change; readonly cache: Change };
}

interface Program {
  readonly name: string;
  readonly pod: Omit<inputs.core.v1.PodSpec, "containers">;
  readonly container: Omit<inputs.core.v1.Container, "name">;
  /** Port with figures for whatever collects them. */
  readonly figures?: number;
  /** Programs that may reach a port of it. */
  readonly from?: { readonly programs: readonly string[]; readonly port: number };
  /** Programs that it reaches, each at a port. */
  readonly to?: readonly { readonly program: string; readonly port: number }[];
  readonly change: Change;
}

const selects = (program: string) => ({ podSelector: { matchLabels: labels(program) } });

/** ServiceAccount, openings and Deployment of one program. */
const declare = (
  prefix: string,
  { namespace, after }: ProgramSettings,
  { name, pod, container, figures, from, to = [], change }: Program,
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.Deployment => {
  const metadata = { name, namespace, labels: labels(name) };
  new k8s.core.v1.ServiceAccount(`${prefix}-${name}`, { metadata, automountServiceAccountToken: false }, opts);
  const openings = new k8s.networking.v1.NetworkPolicy(
    `${prefix}-${name}`,
    {
      metadata: { name, namespace },
      spec: {
        ...selects(name),
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          ...(from ? [{ from: from.programs.map(selects), ports: [{ protocol: "TCP", port: from.port }] }] : []),
          ...(figures
            ? [
                {
                  from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
                  ports: [{ protocol: "TCP", port: figures }],
                },
              ]
            : []),
        ],
        egress: to.map(({ program, port }) => ({ to: [selects(program)], ports: [{ protocol: "TCP", port }] })),
      },
    },
    opts,
  );
  const args: k8s.apps.v1.DeploymentArgs = {
    metadata,
    spec: {
      // One of each: two controllers would need an election, and a cache of two is none.
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels(name) },
      template: {
        metadata: {
          labels: labels(name),
          ...(figures && { annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(figures) } }),
        },
        spec: {
          serviceAccountName: name,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 10,
          priorityClassName: "system-cluster-critical",
          ...pod,
          containers: [{ name, imagePullPolicy: "IfNotPresent", securityContext: restrictedContainer, ...container }],
        },
      },
    },
  };
  return new k8s.apps.v1.Deployment(`${prefix}-${name}`, change ? change(args) : args, {
    ...opts,
    dependsOn: [openings, ...after],
  });
};

const service = (
  prefix: string,
  { namespace }: ProgramSettings,
  { name, port }: { name: string; port: number },
  opts: pulumi.ComponentResourceOptions,
): k8s.core.v1.Service =>
  new k8s.core.v1.Service(
    `${prefix}-${name}`,
    {
      metadata: { name, namespace, labels: labels(name) },
      spec: { selector: labels(name), ports: [{ name: "tcp", port, targetPort: port, protocol: "TCP" }] },
    },
    opts,
  );

const password = { name: "REDIS_PASSWORD", valueFrom: { secretKeyRef: { name: names.cache, key: "auth" } } };
// Layers of artifacts: upstream's own list, and the type that Flux's command gives them, so that both agents take the same.
const layerTypes = `--oci-layer-media-types=${[
  "application/vnd.oci.image.layer.v1.tar",
  "application/vnd.oci.image.layer.v1.tar+gzip",
  "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
  "application/vnd.cncf.flux.content.v1.tar+gzip",
].join(",")}`;

const cacheFlag = `--redis=${programs.cache}:${ports.cache}`;
const empty = (volumes: Readonly<Record<string, string>>) => ({
  volumes: Object.keys(volumes).map((name) => ({ name, emptyDir: {} })),
  volumeMounts: Object.entries(volumes).map(([name, mountPath]) => ({ name, mountPath })),
});

/** Declares the programs. @returns what must run before an app is declared, and still run when it is deleted */
export const declarePrograms = (
  prefix: string,
  settings: ProgramSettings,
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.Deployment[] => [
  cache(prefix, settings, opts),
  repoServer(prefix, settings, opts),
  controller(prefix, settings, opts),
];

const cache = (prefix: string, settings: ProgramSettings, opts: pulumi.ComponentResourceOptions) => {
  const { mirror, transform } = settings;
  service(prefix, settings, { name: programs.cache, port: ports.cache }, opts);
  const asked = { tcpSocket: { port: ports.cache } };
  return declare(
    prefix,
    settings,
    {
      name: programs.cache,
      from: { programs: [programs.controller, programs.repoServer], port: ports.cache },
      pod: {
        securityContext: restrictedPod,
        volumes: [
          { name: "settings", configMap: { name: "redis-settings" } },
          {
            name: "password",
            secret: { secretName: names.cache, items: [{ key: "password.conf", path: "password.conf" }] },
          },
        ],
      },
      container: {
        image: image("redis", mirror),
        command: ["redis-server"],
        args: [`${cacheFolders.settings}/redis.conf`],
        ports: [{ name: "redis", containerPort: ports.cache, protocol: "TCP" }],
        readinessProbe: { ...asked, periodSeconds: 1 },
        livenessProbe: asked,
        resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
        volumeMounts: [
          { name: "settings", mountPath: cacheFolders.settings, readOnly: true },
          { name: "password", mountPath: cacheFolders.password, readOnly: true },
        ],
      },
      change: transform.cache,
    },
    opts,
  );
};

const repoServer = (prefix: string, settings: ProgramSettings, opts: pulumi.ComponentResourceOptions) => {
  const { mirror, transform, verifies } = settings;
  service(prefix, settings, { name: programs.repoServer, port: ports.repoServer }, opts);
  const folders = empty({
    tmp: "/tmp",
    home: "/home/argocd",
    "helm-working-dir": "/helm-working-dir",
    "gpg-keyring": "/app/config/gpg/keys",
  });
  const env = {
    HOME: "/home/argocd",
    HELM_CACHE_HOME: "/helm-working-dir",
    HELM_CONFIG_HOME: "/helm-working-dir",
    HELM_DATA_HOME: "/helm-working-dir",
    // Where no app asks for signatures: making a key ring at each start takes seconds.
    ARGOCD_GPG_ENABLED: verifies.then(String),
    // As Flux does: what is delivered is in the repository itself.
    ARGOCD_GIT_MODULES_ENABLED: "false",
    // What failed thrice would not be tried again for an hour, also where the reason is gone.
    ARGOCD_PAUSE_GEN_AFTER_FAILED_ATTEMPTS: "0",
  };
  return declare(
    prefix,
    settings,
    {
      name: programs.repoServer,
      figures: ports.repoServerFigures,
      from: { programs: [programs.controller], port: ports.repoServer },
      to: [{ program: programs.cache, port: ports.cache }],
      pod: {
        securityContext: argocd,
        volumes: [
          { name: "ssh-known-hosts", configMap: { name: "argocd-ssh-known-hosts-cm" } },
          { name: "tls-certs", configMap: { name: "argocd-tls-certs-cm" } },
          { name: "gpg-keys", configMap: { name: "argocd-gpg-keys-cm" } },
          ...folders.volumes,
        ],
      },
      container: {
        image: image("argocd", mirror),
        args: [programs.repoServer, cacheFlag, "--revision-cache-expiration=30s", layerTypes],
        env: [...Object.entries(env).map(([name, value]) => ({ name, value })), password],
        ports: [
          { name: "grpc", containerPort: ports.repoServer, protocol: "TCP" },
          { name: "http-metrics", containerPort: ports.repoServerFigures, protocol: "TCP" },
        ],
        readinessProbe: { ...httpProbe("/healthz", "http-metrics"), periodSeconds: 1 },
        livenessProbe: {
          ...httpProbe("/healthz?full=true", "http-metrics"),
          initialDelaySeconds: 30,
          periodSeconds: 30,
          timeoutSeconds: 5,
        },
        resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "2", memory: "1Gi" } },
        volumeMounts: [
          { name: "ssh-known-hosts", mountPath: "/app/config/ssh", readOnly: true },
          { name: "tls-certs", mountPath: "/app/config/tls", readOnly: true },
          { name: "gpg-keys", mountPath: "/app/config/gpg/source", readOnly: true },
          ...folders.volumeMounts,
        ],
      },
      change: transform.repoServer,
    },
    opts,
  );
};

const controller = (prefix: string, settings: ProgramSettings, opts: pulumi.ComponentResourceOptions) => {
  const { namespace, mirror, transform, after } = settings;
  const name = programs.controller;
  const subjects = [{ kind: "ServiceAccount", name, namespace }];
  const roleRef = (kind: "ClusterRole" | "Role", role: string) => ({
    apiGroup: "rbac.authorization.k8s.io",
    kind,
    name: role,
  });
  const everywhere = `plumbline:${name}`;
  new k8s.rbac.v1.ClusterRole(
    `${prefix}-${name}`,
    { metadata: { name: everywhere, labels: labels(name) }, rules: controllerRules },
    opts,
  );
  const bound = new k8s.rbac.v1.ClusterRoleBinding(
    `${prefix}-${name}`,
    { metadata: { name: everywhere, labels: labels(name) }, roleRef: roleRef("ClusterRole", everywhere), subjects },
    opts,
  );
  new k8s.rbac.v1.Role(`${prefix}-${name}`, { metadata: { name, namespace }, rules: controllerHomeRules }, opts);
  const boundAtHome = new k8s.rbac.v1.RoleBinding(
    `${prefix}-${name}`,
    { metadata: { name, namespace }, roleRef: roleRef("Role", name), subjects },
    opts,
  );
  const folders = empty({ tmp: "/tmp", home: "/home/argocd" });
  const probe = httpProbe("/healthz", "http-metrics");
  return declare(
    prefix,
    { ...settings, after: [...after, bound, boundAtHome] },
    {
      name,
      figures: ports.controllerFigures,
      to: [
        { program: programs.cache, port: ports.cache },
        { program: programs.repoServer, port: ports.repoServer },
      ],
      pod: {
        automountServiceAccountToken: true,
        securityContext: argocd,
        volumes: [{ name: "token", configMap: { name: names.token, defaultMode: 0o555 } }, ...folders.volumes],
      },
      container: {
        image: image("argocd", mirror),
        args: [
          name,
          cacheFlag,
          `--repo-server=${programs.repoServer}:${ports.repoServer}`,
          // Applications stand with their apps. Whose project names their namespace, the project says.
          "--application-namespaces=*",
          // For pushes that nobody told of, and for what no watch has shown.
          "--app-resync=60",
          "--app-resync-jitter=10",
          // Somebody who edits again and again is undone again and again, not ever later.
          "--self-heal-backoff-cap-seconds=15",
        ],
        env: [{ name: "HOME", value: "/home/argocd" }, password],
        ports: [{ name: "http-metrics", containerPort: ports.controllerFigures, protocol: "TCP" }],
        readinessProbe: { ...probe, periodSeconds: 1 },
        livenessProbe: { ...probe, initialDelaySeconds: 10 },
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "2", memory: "2Gi" } },
        volumeMounts: [
          { name: "token", mountPath: tokenProgram.replace(/\/[^/]*$/, ""), readOnly: true },
          ...folders.volumeMounts,
        ],
      },
      change: transform.controller,
    },
    opts,
  );
};
