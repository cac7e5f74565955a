// What must hold of every object that a layer declares? A function a rule; each says what is wrong, a line each.
import { images } from "../../../components/versions.ts";
import type { Declared } from "./recorder.ts";

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind
type Any = any;

const kindOf = ({ type }: Declared): string => type.split(":").at(-1) ?? "";
const workloadKinds = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];
const repositories = Object.values(images).map(({ reference }) => reference.slice(reference.indexOf("/") + 1));

export interface Workload {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly spec: Any;
  readonly template: Any;
  readonly pod: Any;
  readonly containers: Any[];
}

export const workloadsOf = (resources: readonly Declared[]): Workload[] =>
  resources
    .filter((each) => workloadKinds.includes(kindOf(each)))
    .map(({ inputs, ...each }) => {
      const kind = kindOf({ ...each, inputs });
      const template = kind === "CronJob" ? inputs.spec.jobTemplate.spec.template : inputs.spec.template;
      return {
        kind,
        name: inputs.metadata.name,
        namespace: inputs.metadata.namespace,
        spec: inputs.spec,
        template,
        pod: template.spec,
        containers: template.spec.containers,
      };
    });

const selects = (selector: Any, labels: Any): boolean =>
  Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels?.[key] === value) &&
  (selector?.matchExpressions ?? []).every(({ key, operator, values }: Any) =>
    operator === "In" ? values.includes(labels?.[key]) : operator === "Exists" ? key in labels : false,
  );

/** What is wrong, a line each. */
export type Check = (resources: readonly Declared[], workloads: readonly Workload[], ha: boolean) => string[];

const objects = (resources: readonly Declared[], kind: string): Any[] =>
  resources.filter((each) => kindOf(each) === kind).map(({ inputs }) => inputs);

const every = (
  workloads: readonly Workload[],
  check: (workload: Workload) => (string | false | undefined)[],
): string[] =>
  workloads.flatMap((workload) =>
    check(workload)
      .filter((each) => typeof each === "string")
      .map((each) => `${workload.name}: ${each}`),
  );

export const checks: Record<string, Check> = {
  "images stand in components/versions.ts": (_, workloads) =>
    every(workloads, ({ pod }) =>
      [...(pod.initContainers ?? []), ...pod.containers].map(
        ({ image, name }: Any) =>
          !repositories.some((each) => String(image).endsWith(`/${each}`)) && `${name} runs ${image}`,
      ),
    ),

  "every container asks for memory and processor, and is bounded in memory": (_, workloads) =>
    every(workloads, ({ pod }) =>
      [...(pod.initContainers ?? []), ...pod.containers].map(
        ({ name, resources }: Any) =>
          !(resources?.requests?.cpu && resources.requests.memory && resources.limits?.memory) &&
          `${name} is unbounded`,
      ),
    ),

  "what runs for long says whether it is ready and whether it lives": (_, workloads) =>
    every(workloads, ({ kind, containers }) =>
      kind === "Job" || kind === "CronJob"
        ? []
        : containers.map(
            ({ name, readinessProbe, livenessProbe }) =>
              !(readinessProbe && livenessProbe) && `${name} lacks a readiness or liveness probe`,
          ),
    ),

  "pods keep to Pod Security restricted and cannot write their root file system": (_, workloads) =>
    every(workloads, ({ pod }) => [
      !(pod.securityContext?.runAsNonRoot && pod.securityContext.seccompProfile?.type === "RuntimeDefault") &&
        "the pod may run as root or without seccomp",
      (pod.hostNetwork || pod.hostPID || pod.hostIPC) && "the pod shares namespaces of the node",
      (pod.volumes ?? []).some(({ hostPath }: Any) => hostPath) && "the pod mounts folders of the node",
      ...[...(pod.initContainers ?? []), ...pod.containers].map(
        ({ name, securityContext }: Any) =>
          !(
            securityContext?.allowPrivilegeEscalation === false &&
            securityContext.readOnlyRootFilesystem &&
            securityContext.capabilities?.drop?.includes("ALL")
          ) && `${name} has more than restricted allows`,
      ),
    ]),

  "each workload has a ServiceAccount of its own, and a token only where a role is bound to it": (
    resources,
    workloads,
  ) => {
    const subjects = [...objects(resources, "ClusterRoleBinding"), ...objects(resources, "RoleBinding")].flatMap(
      (binding) => binding.subjects,
    );
    return every(workloads, ({ pod, namespace }) => {
      const account = pod.serviceAccountName;
      const declared = objects(resources, "ServiceAccount").find(
        ({ metadata }) => metadata.name === account && metadata.namespace === namespace,
      );
      const mounts = pod.automountServiceAccountToken ?? declared?.automountServiceAccountToken ?? true;
      const bound = subjects.some((each) => each.name === account && each.namespace === namespace);
      return [
        !declared && `ServiceAccount ${account} is not declared`,
        declared &&
          declared.automountServiceAccountToken !== false &&
          `ServiceAccount ${account} hands its token to every pod`,
        mounts && !bound && "mounts a token that nothing is granted to",
      ];
    });
  },

  "no role holds a wildcard, impersonates, or reads every Secret": (resources) =>
    [...objects(resources, "ClusterRole"), ...objects(resources, "Role")].flatMap(({ metadata, rules = [] }) =>
      rules.flatMap(({ verbs = [], resources: kinds = [], apiGroups = [], resourceNames = [] }: Any) => [
        ...([...verbs, ...kinds, ...apiGroups].includes("*") ? [`${metadata.name}: a wildcard`] : []),
        ...(verbs.includes("impersonate") ? [`${metadata.name}: impersonates`] : []),
        ...(!metadata.namespace &&
        kinds.includes("secrets") &&
        resourceNames.length === 0 &&
        ["get", "list", "watch"].some((verb) => verbs.includes(verb))
          ? [`${metadata.name}: reads every Secret`]
          : []),
      ]),
    ),

  "several replicas are spread over nodes and are not all evicted at once": (resources, workloads, ha) =>
    every(
      workloads.filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet"),
      ({ spec, pod, template, namespace }) => {
        const replicas = spec.replicas ?? 1;
        const budget = objects(resources, "PodDisruptionBudget").some(
          (each) => each.metadata.namespace === namespace && selects(each.spec.selector, template.metadata.labels),
        );
        return [
          ha && replicas < 2 && spec.strategy?.type !== "Recreate" && "one replica in size ha",
          replicas > 1 && !budget && "no PodDisruptionBudget",
          replicas > 1 &&
            !pod.topologySpreadConstraints?.length &&
            !pod.affinity?.podAntiAffinity &&
            "replicas are not spread",
        ];
      },
    ),

  "a namespace of a layer denies what no policy opens, and each port that a Service leads to is open": (
    resources,
    workloads,
  ) => {
    const policies = objects(resources, "NetworkPolicy");
    const homes = objects(resources, "Namespace").filter(({ metadata }) => metadata.labels?.["plumbline.dev/slot"]);
    const denied = (namespace: string) =>
      policies.some(
        ({ metadata, spec }) =>
          metadata.namespace === namespace &&
          Object.keys(spec.podSelector).length === 0 &&
          spec.policyTypes?.length === 2 &&
          !spec.ingress &&
          !spec.egress,
      );
    return [
      ...homes.filter(({ metadata }) => !denied(metadata.name)).map(({ metadata }) => `${metadata.name} is open`),
      ...every(
        workloads.filter(({ namespace }) => homes.some(({ metadata }) => metadata.name === namespace)),
        ({ namespace, template, containers }) => {
          const opened = policies
            .filter(
              ({ metadata, spec }) =>
                metadata.namespace === namespace && selects(spec.podSelector, template.metadata.labels),
            )
            .flatMap(({ spec }) => (spec.ingress ?? []).flatMap((rule: Any) => rule.ports ?? [{ port: "any" }]));
          return servedPorts(resources, namespace, template.metadata.labels, containers).map(
            (port) =>
              !opened.some((each: Any) => [port.name, port.containerPort, "any"].includes(each.port)) &&
              `port ${port.name ?? port.containerPort} is closed to everybody`,
          );
        },
      ),
    ];
  },

  "a Service leads to a port that a pod has": (resources, workloads) =>
    objects(resources, "Service")
      .filter(({ spec }) => spec.selector)
      .flatMap(({ metadata, spec }) => {
        const behind = workloads.filter(
          ({ namespace, template }) =>
            namespace === metadata.namespace && selects({ matchLabels: spec.selector }, template.metadata.labels),
        );
        if (behind.length === 0) return [`Service ${metadata.name} selects no pod`];
        return spec.ports
          .filter(({ port, targetPort = port }: Any) =>
            behind.some(
              ({ pod }) =>
                ![...(pod.initContainers ?? []), ...pod.containers]
                  .flatMap((each: Any) => each.ports ?? [])
                  .some(({ name, containerPort }: Any) => targetPort === name || targetPort === containerPort),
            ),
          )
          .map(({ name, port }: Any) => `Service ${metadata.name}: port ${name ?? port} leads nowhere`);
      }),

  "figures are scraped from a port that the pod has": (_, workloads) =>
    every(workloads, ({ template, containers }) => {
      const notes = template.metadata.annotations ?? {};
      const ports = containers.flatMap(({ ports = [] }) => ports.map((each: Any) => String(each.containerPort)));
      return [
        notes["prometheus.io/scrape"] === "true" &&
          !ports.includes(notes["prometheus.io/port"]) &&
          `no port ${notes["prometheus.io/port"]} to scrape`,
      ];
    }),

  "what selects pods finds them, and volumes outlive their StatefulSet and its namespace": (resources, workloads) => [
    ...every(workloads, ({ kind, spec, template }) => [
      kind !== "Job" &&
        kind !== "CronJob" &&
        !selects(spec.selector, template.metadata.labels) &&
        "selects no pod of its own",
      spec.volumeClaimTemplates?.length > 0 &&
        !(
          spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === "Retain" &&
          spec.persistentVolumeClaimRetentionPolicy.whenScaled === "Retain"
        ) &&
        "volumes go with the StatefulSet",
    ]),
    ...objects(resources, "Secret")
      .filter(({ stringData, data }) => stringData ?? data)
      .map(({ metadata }) => `Secret ${metadata.name} has its value from the program`),
  ],
};

const servedPorts = (resources: readonly Declared[], namespace: string, labels: Any, containers: Any[]): Any[] => {
  const targets = objects(resources, "Service")
    .filter(
      ({ metadata, spec }) =>
        metadata.namespace === namespace && spec.selector && selects({ matchLabels: spec.selector }, labels),
    )
    .flatMap(({ spec }) => spec.ports.map(({ port, targetPort = port }: Any) => targetPort));
  return containers
    .flatMap(({ ports = [] }) => ports)
    .filter(({ name, containerPort }: Any) => targets.includes(name) || targets.includes(containerPort));
};
