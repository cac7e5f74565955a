// Tells the agent of a push: one annotation on each GitRepository that follows the repository, the only change that the
// notifier's identity may make.
import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:https";

export interface Notice {
  /** Kubeconfig of the identity `plumbline:git-notifier`, with embedded client certificate. */
  readonly kubeconfig: string;
  /** Path of the repository on the Git server, e.g. `platform.git`. */
  readonly repository: string;
}

const collection = "/apis/source.toolkit.fluxcd.io/v1";

/**
 * Asks for a reconciliation of every GitRepository whose URL ends in the repository's path.
 *
 * @returns namespace/name of each that was told
 * @throws when the API server refuses or does not answer within 5 s
 */
export const notifyAgent = async ({ kubeconfig, repository }: Notice): Promise<string[]> => {
  const api = client(readFileSync(kubeconfig, "utf8"));
  const { items } = (await api("GET", `${collection}/gitrepositories`)) as {
    items: { metadata: { namespace: string; name: string }; spec: { url: string } }[];
  };
  const followers = items.filter(({ spec }) => new URL(spec.url).pathname === `/${repository}`);
  await Promise.all(
    followers.map(({ metadata }) =>
      api("PATCH", `${collection}/namespaces/${metadata.namespace}/gitrepositories/${metadata.name}`, {
        metadata: { annotations: { "reconcile.fluxcd.io/requestedAt": new Date().toISOString() } },
      }),
    ),
  );
  return followers.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
};

// The client library would cost this small process 80 MB; our own kubeconfigs are JSON, which is YAML too.
const client = (kubeconfig: string) => {
  const { clusters, users } = JSON.parse(kubeconfig) as {
    clusters: [{ cluster: { server: string; "certificate-authority-data": string } }];
    users: [{ user: { "client-certificate-data": string; "client-key-data": string } }];
  };
  const decode = (text: string) => Buffer.from(text, "base64");
  const { cluster } = clusters[0];
  const { user } = users[0];
  const identity: RequestOptions = {
    ca: decode(cluster["certificate-authority-data"]),
    cert: decode(user["client-certificate-data"]),
    key: decode(user["client-key-data"]),
    timeout: 5000,
  };
  return (method: string, path: string, body?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const call = request(
        new URL(path, cluster.server),
        { ...identity, method, headers: body ? { "Content-Type": "application/merge-patch+json" } : {} },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            if (response.statusCode === 200) resolve(JSON.parse(text));
            else if (response.statusCode === 404 && method === "GET") resolve({ items: [] });
            else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
          });
        },
      );
      call.on("timeout", () => call.destroy(new Error(`${method} ${path}: no answer within 5 s`)));
      call.on("error", reject);
      call.end(body ? JSON.stringify(body) : undefined);
    });
};
