// What does Argo CD make of a folder of plain YAML? Every object as its file has it, in the app's namespace where it names none.
import { type Closure, filesBelow, RenderError } from "./closure.ts";
import { folderOf } from "./discover.ts";
import { isKustomization } from "./kustomization.ts";
import type { KubernetesObject, YamlDocument } from "./manifests.ts";
import type { Rendering, RenderRequest } from "./render.ts";
import type { Snapshot } from "./repository.ts";
import { readSources } from "./sources.ts";

/** Kinds of Kubernetes itself that are in no namespace; which others are, only an API server knows. */
const clusterWide = [
  "APIService",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "IngressClass",
  "MutatingWebhookConfiguration",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PriorityClass",
  "RuntimeClass",
  "StorageClass",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingWebhookConfiguration",
];

/** An object as it is sent to the API server for an app: in its namespace, unless it names one or can't be in any. */
export const placed = (object: KubernetesObject, namespace: string): KubernetesObject =>
  object.metadata.namespace || clusterWide.includes(object.kind)
    ? object
    : { ...object, metadata: { ...object.metadata, namespace } };

/** By this word a file says itself that it is none of the manifests. */
const marker = "+argocd:skip-file-rendering";

/** Whether Argo CD passes over a file: by its own word, or as none that looks like a manifest. */
const passed = (bytes: Buffer, [first]: readonly YamlDocument[]): boolean => {
  const looks = ["apiVersion:", "kind:", "metadata:"].every((word) => bytes.includes(word));
  const kind = (first?.value as Record<string, unknown> | undefined)?.kind;
  return bytes.includes(marker) || (!looks && !kind);
};

/** Renders plain YAML as Argo CD does. */
export const renderDirectory = async (
  snapshot: Snapshot,
  closure: Closure,
  { path, namespace }: RenderRequest,
): Promise<Omit<Rendering, "commit">> => {
  const stray = filesBelow(snapshot, folderOf(path)).find((each) => isKustomization(each.path));
  if (stray) {
    const reason =
      'is a kustomization, which Argo CD takes for an object among plain YAML: give it an app of kind "kustomize"';
    throw new RenderError(snapshot, reason, stray.path);
  }
  const { manifests } = await readSources(snapshot, closure, { plain: () => true, passed });
  return {
    objects: manifests.map(({ object, file, line }) => ({ object: placed(object, namespace), file, line })),
    irreproducible: [],
  };
};
