// How do objects go, and what is said of those that don't?
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";
import { Failure } from "./failure.ts";

/** The object at a path; undefined where it is gone. */
export const read = async (api: Api, path: string): Promise<KubernetesObject | undefined> =>
  api.get<KubernetesObject>(path).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });

/** Deletes it, if it is there. */
export const remove = async (api: Api, path: string): Promise<void> => {
  await api.send("DELETE", path, undefined).catch(unlessGone);
};

/** For `catch`: what is gone is no failure. */
export const unlessGone = (error: unknown): void => {
  if (!(error instanceof ApiError) || error.status !== 404) throw error;
};

/** `Service shop/web`. */
export const nameOf = (object: KubernetesObject | undefined): string => {
  const { name = "", namespace } = object?.metadata ?? {};
  return `${object?.kind} ${namespace ? `${namespace}/` : ""}${name}`;
};

/** What did not go in time, and why. */
export const hanging = (objects: readonly KubernetesObject[], seconds: number): Failure => {
  const lines = objects.map((object) => {
    const finalizers = (object.metadata.finalizers ?? []) as string[];
    // A namespace says itself what is left in it.
    const conditions = ((object.status?.conditions ?? []) as { status: string; type: string; message?: string }[])
      .filter(({ status, type }) => status === "True" && /Remaining|Failure/.test(type))
      .flatMap(({ message }) => message ?? []);
    const why = [...(finalizers.length > 0 ? [`held by ${finalizers.join(", ")}`] : []), ...conditions];
    return `  ${nameOf(object)}${why.length > 0 ? `: ${why.join("; ")}` : ""}`;
  });
  return new Failure("HANGS", `not gone within ${seconds} s:\n${lines.join("\n") || "  no object is being deleted"}`, {
    wayOut: "see why its controller does not let it go; then plumbline destroy --yes goes on",
  });
};
