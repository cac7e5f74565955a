// What does Pulumi's state say that the cluster should hold, and where does each object live in the API?
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";

/** An object that the stack declares. */
export interface Desired {
  readonly urn: string;
  /** What a person calls it: `Deployment flux-system/source-controller`. */
  readonly name: string;
  readonly object: KubernetesObject;
  /** Collection and name in the API. */
  readonly path: string;
}

interface Exported {
  readonly deployment?: {
    readonly resources?: readonly {
      readonly urn: string;
      readonly type: string;
      readonly custom: boolean;
      readonly delete?: boolean;
      readonly inputs?: Record<string, unknown>;
    }[];
  };
}

/** Which API resource holds a kind, asked of the API server once per group and version. */
export const resourcePaths = (api: Api) => {
  const known = new Map<string, Promise<Map<string, { plural: string; namespaced: boolean }>>>();
  const kindsOf = (apiVersion: string) => {
    const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const asked =
      known.get(apiVersion) ??
      api
        .get<{ resources: { name: string; kind: string; namespaced: boolean }[] }>(base)
        .then(
          ({ resources }) =>
            new Map(
              resources
                .filter(({ name }) => !name.includes("/"))
                .map(({ kind, name, namespaced }) => [kind, { plural: `${base}|${name}`, namespaced }]),
            ),
        );
    known.set(apiVersion, asked);
    return asked;
  };
  /** @throws Error when the API server does not serve the kind */
  return async (apiVersion: string, kind: string, name: string, namespace = "default"): Promise<string> => {
    const found = (await kindsOf(apiVersion)).get(kind);
    if (!found) throw new Error(`the API server serves no ${kind} of ${apiVersion}`);
    const [base, plural] = found.plural.split("|");
    return `${base}${found.namespaced ? `/namespaces/${namespace}` : ""}/${plural}/${name}`;
  };
};

/** The Kubernetes objects of an exported stack. */
export const desiredObjects = async (stack: string, api: Api): Promise<Desired[]> => {
  const { deployment } = JSON.parse(stack) as Exported;
  const path = resourcePaths(api);
  const resources = (deployment?.resources ?? []).filter(
    ({ type, custom, delete: going, inputs }) =>
      custom &&
      !going &&
      type.startsWith("kubernetes:") &&
      inputs?.kind !== undefined &&
      inputs.apiVersion !== undefined,
  );
  return Promise.all(
    resources.map(async ({ urn, inputs }) => {
      const object = plain(inputs) as KubernetesObject;
      const { name, namespace } = object.metadata;
      return {
        urn,
        name: `${object.kind} ${namespace ? `${namespace}/` : ""}${name}`,
        object,
        path: await path(object.apiVersion ?? "", object.kind ?? "", name, namespace),
      };
    }),
  );
};

const secretKey = "4dabf18193072939515e22adb298388d";

/** Inputs of a resource as the program gave them: Pulumi's own bookkeeping is no part, and a secret is wrapped, its value being JSON. */
export const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const record = value as Record<string, unknown>;
  if (secretKey in record) return plain(JSON.parse(String(record.plaintext ?? "null")));
  return Object.fromEntries(
    Object.entries(record)
      .filter(([key]) => !key.startsWith("__"))
      .map(([key, below]) => [key, plain(below)]),
  );
};
