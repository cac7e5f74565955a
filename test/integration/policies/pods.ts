// Which pods are worth asking about? Every kind that carries one, and a generated corpus of their security settings.
import { type Example, type KubernetesObject, type ObjectRule, podKinds } from "../../../policies/rule.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A pod template as each kind that can hold it. */
export const inEveryKind = ({ metadata = {}, spec = {} }: Example): KubernetesObject[] => {
  const image = "registry.example/app:1";
  const complete = (containers: unknown) => (containers as Fields[] | undefined)?.map((each) => ({ image, ...each }));
  const template = {
    metadata,
    spec: {
      ...spec,
      containers: complete(spec.containers) ?? [{ name: "app", image }],
      ...(spec.initContainers ? { initContainers: complete(spec.initContainers) } : {}),
      ...(spec.ephemeralContainers ? { ephemeralContainers: complete(spec.ephemeralContainers) } : {}),
    },
  };
  const named = { name: "a", namespace: "default" };
  return podKinds.map(({ group, version, kind }) => {
    const head = { apiVersion: group ? `${group}/${version}` : version, kind, metadata: named };
    if (kind === "Pod") return { ...head, metadata: { ...named, ...metadata }, spec: template.spec };
    if (kind === "PodTemplate") return { ...head, template };
    if (kind === "CronJob") return { ...head, spec: { schedule: "@daily", jobTemplate: { spec: { template } } } };
    return { ...head, spec: { selector: {}, template } };
  });
};

/** A container and a pod that keep every control of the level restricted; each corpus entry changes some of it. */
const good = {
  container: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  pod: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
};

// Each a change of a pod's or a container's security context, alone decisive or not.
const podChanges: Fields[] = [
  {},
  { runAsNonRoot: null },
  { runAsNonRoot: false },
  { runAsUser: 0 },
  { runAsUser: 1 },
  { seccompProfile: null },
  { seccompProfile: { type: "Unconfined" } },
  { seccompProfile: { type: "Localhost", localhostProfile: "p" } },
  { seccompProfile: {} },
  { seLinuxOptions: { type: "container_engine_t" } },
  { seLinuxOptions: { type: "spc_t" } },
  { seLinuxOptions: {} },
  { appArmorProfile: { type: "Unconfined" } },
  { appArmorProfile: { type: "Localhost" } },
  { appArmorProfile: {} },
  { windowsOptions: { hostProcess: true } },
  { windowsOptions: {} },
  { sysctls: [] },
];
const containerChanges: Fields[] = [
  {},
  { runAsNonRoot: true },
  { runAsNonRoot: false },
  { runAsUser: 0 },
  { seccompProfile: { type: "RuntimeDefault" } },
  { seccompProfile: { type: "Unconfined" } },
  { seccompProfile: {} },
  { allowPrivilegeEscalation: null },
  { allowPrivilegeEscalation: true },
  { capabilities: null },
  { capabilities: { drop: ["NET_RAW"] } },
  { capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } },
  { capabilities: { drop: ["ALL"], add: ["SYS_ADMIN", "NET_BIND_SERVICE"] } },
  { procMount: "Unmasked" },
  { procMount: "" },
  { privileged: true },
  { windowsOptions: { hostProcess: true } },
  { seLinuxOptions: { user: "" } },
  { seLinuxOptions: { role: "r" } },
  { appArmorProfile: { type: "RuntimeDefault" } },
  { appArmorProfile: { type: "odd" } },
];
const around: Fields[] = [
  {},
  { hostUsers: false },
  { hostUsers: true },
  { os: { name: "windows" } },
  { os: { name: "linux" } },
  { hostNetwork: null, volumes: null, initContainers: null },
];

/** Every pair of a pod's and a container's change, the surroundings in turn, and the rules' own examples on a good pod. */
export const podCorpus = (rules: readonly ObjectRule[]): Example[] => {
  const pairs = podChanges.flatMap((pod, row) =>
    containerChanges.map((container, column): Example => {
      const securityContext = { ...good.container, ...container };
      const place = ["containers", "initContainers", "ephemeralContainers"][(row + column) % 3] as string;
      const app = { name: "app", securityContext: good.container };
      return {
        spec: {
          ...around[(row * containerChanges.length + column) % around.length],
          securityContext: { ...good.pod, ...pod },
          containers: [app],
          [place]: [{ name: place === "containers" ? "app" : "other", securityContext }],
        },
      };
    }),
  );
  const every = around.flatMap((fields) =>
    podChanges.map(
      (pod): Example => ({
        spec: {
          ...fields,
          securityContext: { ...good.pod, ...pod },
          containers: [{ name: "app", securityContext: good.container }],
        },
      }),
    ),
  );
  const examples = rules.flatMap(({ valid, invalid }) => [...valid, ...invalid]);
  const embedded = examples.map(({ metadata, spec = {} }): Example => {
    const harden = (containers: unknown) =>
      (containers as Fields[] | undefined)?.map((each) => ({
        ...each,
        securityContext: { ...good.container, ...(each.securityContext as Fields) },
      }));
    return {
      ...(metadata && { metadata }),
      spec: {
        ...spec,
        securityContext: { ...good.pod, ...(spec.securityContext as Fields) },
        containers: harden(spec.containers) ?? [{ name: "app", securityContext: good.container }],
        ...(spec.initContainers ? { initContainers: harden(spec.initContainers) } : {}),
        ...(spec.ephemeralContainers ? { ephemeralContainers: harden(spec.ephemeralContainers) } : {}),
      },
    };
  });
  return [...pairs, ...every, ...examples, ...embedded];
};
