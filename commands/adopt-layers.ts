// Which layers does a cluster run already, and which word in the stack file takes each as it is?
import { slotLabel } from "../components/namespace.ts";
import type { Slot } from "../components/slot.ts";
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";

/** A program that does the work of a layer, and is not of this platform. */
export interface RunningLayer {
  readonly slot: Slot;
  readonly program: string;
  readonly namespace: string;
  /** `StatefulSet monitoring/prometheus`. */
  readonly workload: string;
  /** ServiceAccount of its pods, as the API server calls it. */
  readonly user: string;
  /** What to write among the layers of the stack file; where there is nothing to write, what to leave out and why. */
  readonly line: string;
}

interface Known {
  readonly program: RegExp;
  readonly slot: Slot;
  /** @param url where it is reached within the cluster; undefined where no Service leads to it */
  readonly line: (url: string | undefined, classes: readonly IngressClass[]) => string;
}

interface IngressClass {
  readonly name: string;
  readonly controller: string;
}

const text = (value: string | undefined): string => JSON.stringify(value ?? "https://…");

const known: readonly Known[] = [
  {
    program: /^prometheus$/,
    slot: "metrics",
    line: (url) => `metrics: externalMetrics({ queryUrl: ${text(url)} })`,
  },
  {
    program: /^grafana$/,
    slot: "dashboards",
    line: (url) => `dashboards: externalDashboards({ url: ${text(url)}, namespace: "…" })`,
  },
  {
    program: /^loki$/,
    slot: "logs",
    line: (url) => `logs: externalLogs({ pushUrl: ${text(url && `${url}/otlp`)}, queryUrl: ${text(url)} })`,
  },
  {
    program: /^cert-manager(-controller)?$/,
    slot: "certificates",
    line: () => 'certificates: externalCertificates({ issuer: "…" }) with the name of a ClusterIssuer',
  },
  {
    program: /^(harbor-core|registry|distribution)$/,
    slot: "registry",
    line: () => 'registry: externalRegistry({ host: "…" }) with its name as images have it',
  },
  {
    program: /^traefik$/,
    slot: "ingress",
    line: (_, classes) => ingressLine(classes, /^traefik\.io\//),
  },
  {
    program: /^(ingress-nginx|nginx-ingress-controller)$/,
    slot: "ingress",
    line: (_, classes) => ingressLine(classes, /nginx/),
  },
  {
    program: /^aws-load-balancer-controller$/,
    slot: "ingress",
    line: (_, classes) => ingressLine(classes, /^ingress\.k8s\.aws\//),
  },
  { program: /^(fluent-bit|fluentd)$/, slot: "collector", line: () => "no collector: it sends the lines already" },
  {
    program: /^(kustomize-controller|argocd-application-controller)$/,
    slot: "agent",
    line: () => "no word takes it: the stack brings an agent of its own, for the apps of the stack file alone",
  },
];

const ingressLine = (classes: readonly IngressClass[], controller: RegExp): string => {
  const found = classes.find((each) => controller.test(each.controller));
  return `ingress: externalIngress({ ingressClass: ${JSON.stringify(found?.name ?? "…")} })`;
};

/** Layers whose programs write into the namespaces of apps. */
export const writing: readonly Slot[] = ["ingress", "certificates", "secrets"];

/** The layers of others that run; nothing is written. */
export const runningLayers = async (api: Api): Promise<RunningLayer[]> => {
  const kinds = { Deployment: "deployments", StatefulSet: "statefulsets", DaemonSet: "daemonsets" };
  const [ours, services, classes, ...lists] = await Promise.all([
    api.list(`/api/v1/namespaces?labelSelector=${slotLabel}`),
    api.list("/api/v1/services"),
    api.list("/apis/networking.k8s.io/v1/ingressclasses"),
    ...Object.entries(kinds).map(async ([kind, plural]) =>
      (await api.list(`/apis/apps/v1/${plural}`)).map((each): KubernetesObject => ({ ...each, kind })),
    ),
  ]);
  const own = new Set(ours.map(({ metadata }) => metadata.name));
  const served = classes.map(({ metadata, spec }) => ({ name: metadata.name, controller: String(spec?.controller) }));
  return lists
    .flat()
    .filter(({ metadata }) => !own.has(metadata.namespace ?? ""))
    .flatMap((workload): RunningLayer[] => {
      const found = layerOf(workload);
      if (!found) return [];
      const { kind, metadata, spec } = workload;
      const { namespace = "", name } = metadata;
      return [
        {
          slot: found.known.slot,
          program: found.program,
          namespace,
          workload: `${kind} ${namespace}/${name}`,
          user: `system:serviceaccount:${namespace}:${spec.template.spec.serviceAccountName ?? "default"}`,
          line: found.known.line(urlOf(workload, services), served),
        },
      ];
    })
    .sort((a, b) => a.slot.localeCompare(b.slot) || a.workload.localeCompare(b.workload));
};

/** What a workload is, by the names of its images, and by the label that charts give it. */
export const layerOf = ({
  spec,
}: KubernetesObject): { readonly known: Known; readonly program: string } | undefined => {
  const { metadata = {}, spec: pod } = spec.template as {
    metadata?: { labels?: Record<string, string> };
    spec: { containers: readonly { image?: string }[] };
  };
  const { labels = {} } = metadata;
  const names = [
    ...pod.containers.map(({ image = "" }) => programOf(image)),
    // Charts call each part of a program by its name: cert-manager's webhook is no issuer.
    ...(["controller", "server", undefined].includes(labels["app.kubernetes.io/component"])
      ? [labels["app.kubernetes.io/name"] ?? ""]
      : []),
  ];
  for (const program of names) {
    const found = known.find((each) => each.program.test(program));
    if (found) return { known: found, program };
  }
  return undefined;
};

/** The program in an image: the last part of its name, and for one that is called "controller" the part before. */
const programOf = (image: string): string => {
  const parts = image
    .replace(/@.*$/, "")
    .replace(/:[^/:]*$/, "")
    .split("/");
  return (parts.at(-1) === "controller" ? parts.at(-2) : parts.at(-1)) ?? "";
};

/** Where a workload is reached within the cluster: the first Service of its namespace that leads to its pods. */
const urlOf = ({ metadata, spec }: KubernetesObject, services: readonly KubernetesObject[]): string | undefined => {
  const labels = (spec.template.metadata?.labels ?? {}) as Record<string, string>;
  const found = services.find(({ metadata: { namespace }, spec: { selector, clusterIP } }) => {
    const wanted = Object.entries((selector ?? {}) as Record<string, string>);
    return (
      namespace === metadata.namespace &&
      clusterIP !== "None" &&
      wanted.length > 0 &&
      wanted.every(([key, value]) => labels[key] === value)
    );
  });
  const port = found?.spec.ports?.[0]?.port as number | undefined;
  return found && port ? `http://${found.metadata.name}.${found.metadata.namespace}.svc:${port}` : undefined;
};
