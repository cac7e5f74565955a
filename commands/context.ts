// Which cluster does a person mean by a context of his own kubeconfig?
import { type Place, usualKubeconfig } from "../components/cluster/kubeconfig.ts";
import { type Api, connect } from "../local/kubernetes-api.ts";
import { Failure } from "./failure.ts";

/**
 * The cluster of a context, which has answered.
 *
 * @param place default: the current context of the person's kubeconfig
 * @throws Failure `NO_CONTEXT` or `UNREACHABLE`
 */
export const connectContext = async ({
  kubeconfig = usualKubeconfig(),
  context,
}: Place): Promise<{ readonly api: Api; readonly kubeconfig: string; readonly version: string }> => {
  const api = await connect(kubeconfig, context).catch((cause: Error) => {
    throw new Failure("NO_CONTEXT", cause.message, { wayOut: "kubectl config get-contexts", cause });
  });
  const version = await api.get<{ gitVersion: string }>("/version").catch((cause: Error) => {
    api.close();
    const named = context ? `--context ${context} ` : "";
    throw new Failure("UNREACHABLE", cause.message, { wayOut: `kubectl ${named}get nodes`, cause });
  });
  return { api, kubeconfig, version: version.gitVersion };
};
