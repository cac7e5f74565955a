// How is an API server asked before Pulumi is? By a kubeconfig, with the certificate, the token or the plug-in that it names.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request as plain } from "node:http";
import { type RequestOptions, request as secure } from "node:https";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { load } from "js-yaml";

/** Which kubeconfig, and which context of it. */
export interface Place {
  /** Path of the file. Unset: `KUBECONFIG`, then `~/.kube/config`. */
  readonly kubeconfig?: string;
  /** Unset: the current one. */
  readonly context?: string;
}

/** An API server that can be asked. */
export interface Server {
  /** Its URL. */
  readonly url: string;
  /** The answer to a GET, or to a POST of an object. @throws Error when there is none within 5 s, or it is no success */
  readonly ask: <T>(path: string, object?: object) => Promise<T>;
  /** The metadata of the objects of a list, which is all that is sent. @throws Error as `ask` does */
  readonly metadataOf: (path: string) => Promise<readonly Metadata[]>;
}

/** Of the metadata of an object. */
export interface Metadata {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly { readonly manager?: string }[];
}

interface Exec {
  command: string;
  args?: string[] | null;
  env?: { name: string; value: string }[] | null;
  apiVersion: string;
}

interface User {
  token?: string;
  tokenFile?: string;
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
  exec?: Exec;
}

interface ClusterEntry {
  server: string;
  "certificate-authority-data"?: string;
  "certificate-authority"?: string;
}

interface Kubeconfig {
  "current-context"?: string;
  contexts?: { name: string; context: { cluster: string; user?: string } }[];
  users?: { name: string; user: User }[];
  clusters?: { name: string; cluster: ClusterEntry }[];
}

/** The file that is read where none is named: the first of `KUBECONFIG`, then `~/.kube/config`. */
export const usualKubeconfig = (): string =>
  (process.env.KUBECONFIG ?? "").split(delimiter).find(Boolean) ?? join(homedir(), ".kube", "config");

/**
 * The API server of a context.
 *
 * @throws Error when the kubeconfig or its context does not exist, or its plug-in gives no credential
 */
export const serverOf = ({ kubeconfig, context }: Place): Server => {
  const path = kubeconfig ?? usualKubeconfig();
  const { contexts = [], clusters = [], users = [], ...config } = read(path);
  const wanted = context ?? config["current-context"];
  const found = contexts.find(({ name }) => name === wanted);
  const cluster = clusters.find(({ name }) => name === found?.context.cluster)?.cluster;
  if (!cluster) {
    const names = contexts.map(({ name }) => name).join(", ") || "none";
    throw new Error(`${path} has no context "${wanted ?? ""}"; it has: ${names}`);
  }
  const user = users.find(({ name }) => name === found?.context.user)?.user ?? {};
  const ca = bytes(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const options = { ...credentialOf(user), ...(ca && { ca }), timeout: 5000 };
  const ask: Server["ask"] = (way, object) => answerOf(new URL(way, cluster.server), options, object);
  return {
    url: cluster.server,
    ask,
    metadataOf: async (way) => {
      const headers = { ...(options.headers as object), Accept: metadataOnly };
      const list = await answerOf<{ items?: { metadata: Metadata }[] }>(new URL(way, cluster.server), {
        ...options,
        headers,
      });
      return (list.items ?? []).map(({ metadata }) => metadata);
    },
  };
};

const metadataOnly = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

const read = (path: string): Kubeconfig => {
  try {
    return (load(readFileSync(path, "utf8")) ?? {}) as Kubeconfig;
  } catch (error) {
    throw new Error(`${path} cannot be read as a kubeconfig: ${(error as Error).message}`);
  }
};

const bytes = (data: string | undefined, file: string | undefined): Buffer | undefined =>
  data ? Buffer.from(data, "base64") : file ? readFileSync(file) : undefined;

const credentialOf = (user: User): RequestOptions => {
  const cert = bytes(user["client-certificate-data"], user["client-certificate"]);
  const key = bytes(user["client-key-data"], user["client-key"]);
  if (cert && key) return { cert, key };
  const token = user.token ?? (user.tokenFile && readFileSync(user.tokenFile, "utf8").trim());
  if (token) return bearer(token);
  return user.exec ? credentialFrom(user.exec) : {};
};

const bearer = (token: string): RequestOptions => ({ headers: { Authorization: `Bearer ${token}` } });

/** The answer of a plug-in, an ExecCredential of `client.authentication.k8s.io`; it may open a browser, but not ask on this terminal. */
const credentialFrom = ({ command, args, env, apiVersion }: Exec): RequestOptions => {
  const kind = "ExecCredential";
  let text: string;
  try {
    text = execFileSync(command, args ?? [], {
      encoding: "utf8",
      timeout: 30_000,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion, kind, spec: { interactive: false } }),
      },
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(`${command}, which the kubeconfig names, gave no credential: ${stderr?.trim() || message}`);
  }
  const { status = {} } = JSON.parse(text) as {
    status?: { token?: string; clientCertificateData?: string; clientKeyData?: string };
  };
  if (status.token) return bearer(status.token);
  return { cert: status.clientCertificateData, key: status.clientKeyData };
};

const answerOf = <T>(url: URL, options: RequestOptions, object?: object): Promise<T> =>
  new Promise((resolve, reject) => {
    const request = url.protocol === "http:" ? plain : secure;
    const body = object && JSON.stringify(object);
    const headers = { ...(options.headers as object), ...(body && { "Content-Type": "application/json" }) };
    const call = request(url, { ...options, headers, method: body ? "POST" : "GET" }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        if ((response.statusCode ?? 500) >= 300) return reject(new Error(`it answered ${response.statusCode}`));
        try {
          resolve(JSON.parse(text) as T);
        } catch {
          reject(new Error("its answer is no JSON"));
        }
      });
    });
    call.on("timeout", () => call.destroy(new Error("no answer within 5 s")));
    call.on("error", reject);
    call.end(body);
  });
