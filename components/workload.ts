// What does every pod of the library have? The Pod Security level "restricted", and one way to open a port to it.
import type * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";

/** A user without rights or files; the images of the local platform name none themselves. */
const nobody = 65532;

/** Security context of a pod at the Pod Security level "restricted". `fsGroup` owns its empty volumes. */
export const restrictedPod: inputs.core.v1.PodSecurityContext = {
  runAsNonRoot: true,
  runAsUser: nobody,
  runAsGroup: nobody,
  fsGroup: nobody,
  seccompProfile: { type: "RuntimeDefault" },
};

/** Security context of a container at the Pod Security level "restricted", with a root file system it cannot write. */
export const restrictedContainer: inputs.core.v1.SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Labels by which a program's objects are found. */
export const labels = (program: string) => ({ "app.kubernetes.io/name": program });

/** Labels of a namespace whose pods must keep to a Pod Security level. */
export const podSecurity = (level: "restricted" | "privileged") => ({
  "pod-security.kubernetes.io/enforce": level,
  "pod-security.kubernetes.io/audit": level,
  "pod-security.kubernetes.io/warn": level,
});

/** Probe of an HTTP path at a named port. */
export const httpProbe = (path: string, port: string, scheme = "HTTP"): inputs.core.v1.Probe => ({
  httpGet: { path, port, scheme },
});

/** Openings that every program needs which speaks to the API server: its own lookups and the API. */
export const toApiServer: inputs.networking.v1.NetworkPolicyEgressRule[] = [
  {
    to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } }],
    ports: [
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
      // The port that the cluster's own DNS pods listen at: policies see a packet after the Service's address is replaced.
      { protocol: "UDP", port: 1053 },
      { protocol: "TCP", port: 1053 },
    ],
  },
  // The API server is no pod: its address is unknown to a selector, its ports are not.
  {
    ports: [
      { protocol: "TCP", port: 443 },
      { protocol: "TCP", port: 6443 },
    ],
  },
  // Where a node of EKS tells pods who they are at AWS; elsewhere nobody answers there.
  { to: [{ ipBlock: { cidr: "169.254.170.23/32" } }], ports: [{ protocol: "TCP", port: 80 }] },
];

/** Type of an object's metadata, for functions that share it. */
export type Metadata = k8s.types.input.meta.v1.ObjectMeta;
