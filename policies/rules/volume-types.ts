// Which kinds of volume may a pod mount?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "volume-types",
  title: "Volumes are of a kind that cannot reach the node: no hostPath, and no driver built into the kubelet",
  why: "A hostPath reads and writes the node's own files, its credentials among them; in-tree drivers mount as root of the node.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.spec.?volumes.orValue([]).filter(v, !(has(v.configMap) || has(v.csi) || has(v.downwardAPI)
      || has(v.emptyDir) || has(v.ephemeral) || has(v.image) || has(v.persistentVolumeClaim) || has(v.projected)
      || has(v.secret)))
    .map(v, variables.at + ".volumes[" + v.name + "]")`,
  wayOut: "Use a persistentVolumeClaim, an emptyDir, a configMap or a secret",
  valid: [
    { spec: {} },
    {
      spec: {
        volumes: [
          { name: "a", emptyDir: {} },
          { name: "b", persistentVolumeClaim: { claimName: "b" } },
          { name: "c", configMap: { name: "c" } },
        ],
      },
    },
  ],
  invalid: [
    { spec: { volumes: [{ name: "a", hostPath: { path: "/etc" } }] } },
    {
      spec: {
        volumes: [
          { name: "a", emptyDir: {} },
          { name: "b", nfs: { server: "s", path: "/" } },
        ],
      },
    },
    { spec: { volumes: [{ name: "unknown" }] } },
  ],
} satisfies ObjectRule;
