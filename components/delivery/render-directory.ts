// What does Argo CD make of a folder of plain YAML? Every object as its file has it, in the app's namespace where it names none.
import { type Closure, filesBelow, RenderError } from "./closure.ts";
import { folderOf } from "./discover.ts";
import { isKustomization } from "./kustomization.ts";
import { type KubernetesObject, ManifestError, type YamlDocument } from "./manifests.ts";
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

/** Whether Argo CD passes over a file: by its own word, or as none that looks like a manifest. JSON always is one. */
const passed = (path: string, bytes: Buffer, documents: readonly YamlDocument[]): boolean => {
  if (bytes.includes(marker)) return true;
  const looks = ["apiVersion:", "kind:", "metadata:"].every((word) => bytes.includes(word));
  const kind = (documents[0]?.value as Record<string, unknown> | undefined)?.kind;
  if (!path.endsWith(".json") && !looks && !kind) return true;
  for (const { value, ...place } of documents) {
    if (!itemsOf(value).some((each) => itemsOf(each).length > 0)) continue;
    throw new ManifestError(
      path,
      place,
      "is a List with a List in it, which Argo CD does not take apart: write one List",
    );
  }
  return false;
};

const itemsOf = (value: unknown): readonly unknown[] => {
  const { items } = (value ?? {}) as { items?: unknown };
  return Array.isArray(items) ? items : [];
};

/** The order in which Argo CD reads files: folder by folder, each by its name. */
const inOrder = (closure: Closure): Closure =>
  new Map(
    [...closure].sort(([a], [b]) => {
      const [one, other] = [a.split("/"), b.split("/")];
      const at = one.findIndex((step, index) => step !== other[index]);
      return at < 0 ? -1 : Buffer.compare(Buffer.from(one[at] ?? ""), Buffer.from(other[at] ?? ""));
    }),
  );

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
  const program = [...closure.keys()].find((each) => each.endsWith(".jsonnet"));
  if (program) {
    const reason = "is Jsonnet, which Argo CD runs, and no preview does: commit the objects that it comes to";
    throw new RenderError(snapshot, reason, program);
  }
  const { manifests } = await readSources(snapshot, inOrder(closure), { plain: () => true, passed, repeats: true });
  return {
    objects: manifests.map(({ object, file, line }) => ({ object: placed(object, namespace), file, line })),
    irreproducible: [],
  };
};
