// What must be in the API server before anybody but `bootstrap` can do anything: two roles' bindings.
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, connect } from "./kubernetes-api.ts";

/** Seconds until the API server must have taken them. */
const bound = 30;

/** Every verb of the API but `impersonate`: who may act as another would pass every policy on who one is. */
const everyVerb = [
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
  "escalate",
  "bind",
  "approve",
  "sign",
  "attest",
  "use",
];

const rbac = "rbac.authorization.k8s.io";
const role = (name: string, rules: readonly object[]) => ({
  apiVersion: `${rbac}/v1`,
  kind: "ClusterRole",
  metadata: { name },
  rules,
});
const binding = (name: string, roleName: string, kind: "User" | "Group", subject: string) => ({
  apiVersion: `${rbac}/v1`,
  kind: "ClusterRoleBinding",
  metadata: { name },
  roleRef: { apiGroup: rbac, kind: "ClusterRole", name: roleName },
  subjects: [{ apiGroup: rbac, kind, name: subject }],
});

/** The objects, in order. */
export const bootstrapObjects = [
  role("plumbline-ci", [
    { apiGroups: ["*"], resources: ["*"], verbs: everyVerb },
    { nonResourceURLs: ["*"], verbs: ["get", "post", "put", "patch", "delete"] },
  ]),
  binding("plumbline-ci", "plumbline-ci", "Group", "plumbline:ci"),
  // The API server asks kubelets for logs and exec streams as this user: it may do that and nothing else.
  binding("plumbline-kubelet-client", "system:kubelet-api-admin", "User", "plumbline:kubelet-client"),
];

/**
 * Applies them; safe to repeat.
 *
 * @param kubeconfig file of the identity `bootstrap`
 */
export const applyBootstrapObjects = async (kubeconfig: string, signal: AbortSignal): Promise<void> => {
  const api = await connect(kubeconfig);
  try {
    for (const object of bootstrapObjects) {
      const path = `/apis/${rbac}/v1/${object.kind.toLowerCase()}s/${object.metadata.name}?fieldManager=plumbline-bootstrap&force=true`;
      for (const end = Date.now() + bound * 1000; ; await sleep(100, undefined, { signal })) {
        try {
          await api.send("PATCH", path, object, "application/apply-patch+yaml");
          break;
        } catch (error) {
          const passing =
            error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
          if (!passing || Date.now() > end) throw error;
        }
      }
    }
  } finally {
    api.close();
  }
};
