// Which objects of a cluster did a field manager apply? What is there is asked of the API server, kind by kind: no state is needed.
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";

/** An object that is there. */
export interface Managed {
  /** `Deployment flux-system/source-controller`. */
  readonly name: string;
  readonly uid: string;
  readonly object: KubernetesObject;
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** Every object of the cluster of which this manager applied fields, by server-side apply. */
export const managedObjects = async (api: Api, manager: string): Promise<Managed[]> => {
  const { groups } = await api.get<{ groups: { preferredVersion: { groupVersion: string } }[] }>("/apis");
  const bases = ["/api/v1", ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const found = await Promise.all(
    bases.map(async (base) => {
      const kinds = (await resourcesOf(api, base)).filter(
        ({ name, verbs }) => !name.includes("/") && verbs.includes("list") && verbs.includes("patch"),
      );
      const lists = await Promise.all(
        kinds.map(async ({ name, kind }) => (await api.list(`${base}/${name}`)).map((each) => ({ ...each, kind }))),
      );
      return lists.flat();
    }),
  );
  return found
    .flat()
    .filter(({ metadata }) =>
      metadata.managedFields?.some(
        (entry) => entry.manager === manager && entry.operation === "Apply" && !entry.subresource,
      ),
    )
    .map((object) => {
      const { name, namespace, uid = "" } = object.metadata;
      return { name: `${object.kind} ${namespace ? `${namespace}/` : ""}${name}`, uid, object };
    })
    .sort((one, other) => one.name.localeCompare(other.name));
};

// An aggregated API whose server is away hides its own kinds, and no others.
const resourcesOf = async (api: Api, base: string): Promise<readonly Resource[]> =>
  api.get<{ resources: Resource[] }>(base).then(
    ({ resources }) => resources,
    (error: unknown) => {
      if (error instanceof ApiError && [404, 503].includes(error.status)) return [];
      throw error;
    },
  );
