// Talks to a Kubernetes API server without the client library, whose import alone costs more than `status` may take.
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, type AgentOptions, type RequestOptions, request } from "node:https";
import { setTimeout } from "node:timers/promises";
import { load } from "js-yaml";

/** An object as the API server returns it. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly managedFields?: readonly ManagedFields[];
    readonly [key: string]: unknown;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the fields of an object are known only to who asked for its kind
  readonly [key: string]: any;
}

/** One entry of `metadata.managedFields`. */
export interface ManagedFields {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1: Record<string, unknown>;
}

/** The API server refused or could not be reached; `status` is the HTTP status, 0 without an answer. */
export class ApiError extends Error {
  readonly status: number;
  /** Seconds after which the API server wants to be asked again: it did nothing yet. */
  readonly retryAfter?: number;
  constructor(message: string, status: number, options?: ErrorOptions & { retryAfter?: number }) {
    super(message, options);
    this.name = "ApiError";
    this.status = status;
    if (options?.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}

export interface Api {
  readonly server: string;
  /** @throws ApiError */
  get<T = KubernetesObject>(path: string): Promise<T>;
  /** What is no JSON: a log. @throws ApiError */
  text(path: string): Promise<string>;
  /** The items of a collection; none where the API server does not know the kind. @throws ApiError */
  list(path: string): Promise<KubernetesObject[]>;
  /** @throws ApiError */
  send<T = KubernetesObject>(
    method: "PATCH" | "POST" | "PUT" | "DELETE",
    path: string,
    body: unknown,
    type?: PatchType,
  ): Promise<T>;
  /** Closes the connections, so that the process can end. */
  close(): void;
}

/** How a PATCH is to be read. */
export type PatchType = "application/merge-patch+json" | "application/json-patch+json" | "application/apply-patch+yaml";

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts: readonly { name: string; context: { cluster: string; user: string } }[];
  readonly clusters: readonly { name: string; cluster: Record<string, string> }[];
  readonly users: readonly { name: string; user: Record<string, string> & { exec?: unknown } }[];
}

const timeout = 10_000;

/** How often a request is sent again that the API server puts off, as it does while it fills its caches; client-go's figure. */
const repeats = 10;

/**
 * A client for the context of a kubeconfig file.
 *
 * @param file path of the kubeconfig
 * @param context its current context where omitted
 * @throws Error naming the file and the context that is missing
 */
export const connect = async (file: string, context?: string): Promise<Api> => {
  const { server, options } = await credentials(file, context);
  const agent = new Agent({ ...(options as AgentOptions), keepAlive: true, maxSockets: 8 });
  const askOnce = (method: string, path: string, body?: unknown, type?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const what = `${method} ${path}`;
      const headers = {
        ...options.headers,
        Accept: "application/json, */*",
        ...(body ? { "Content-Type": type } : {}),
      };
      const sent = request(`${server}${path}`, { ...options, agent, method, headers, timeout }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", (cause) => reject(new ApiError(`${what}: ${cause.message}`, 0, { cause })));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(text);
          else reject(new ApiError(message(text) ?? `${what}: ${status}`, status, putOff(response)));
        });
      });
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      sent.on("error", (cause) => reject(new ApiError(`${server} does not answer: ${cause.message}`, 0, { cause })));
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  const ask: typeof askOnce = async (...args) => {
    for (let left = repeats; ; left -= 1) {
      try {
        return await askOnce(...args);
      } catch (error) {
        if (left === 0 || !(error instanceof ApiError) || error.retryAfter === undefined) throw error;
        await setTimeout(error.retryAfter * 1000);
      }
    }
  };
  const call = async <T>(...args: Parameters<typeof ask>): Promise<T> => {
    const text = await ask(...args);
    return (text ? JSON.parse(text) : undefined) as T;
  };
  return {
    server,
    get: (path) => call("GET", path),
    text: (path) => ask("GET", path),
    list: async (path) => {
      try {
        return (await call<{ items: KubernetesObject[] }>("GET", path)).items;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return [];
        throw error;
      }
    },
    send: (method, path, body, type) => call(method, path, body, type ?? "application/json"),
    close: () => agent.destroy(),
  };
};

const putOff = ({ statusCode, headers }: IncomingMessage): { retryAfter?: number } => {
  const seconds = Number(headers["retry-after"]);
  return statusCode === 429 && seconds > 0 ? { retryAfter: seconds } : {};
};

const message = (text: string): string | undefined => {
  try {
    return (JSON.parse(text) as { message?: string }).message;
  } catch {
    return text.slice(0, 300) || undefined;
  }
};

const credentials = async (file: string, name?: string): Promise<{ server: string; options: RequestOptions }> => {
  const config = load(readFileSync(file, "utf8")) as Kubeconfig;
  const wanted = name ?? config["current-context"];
  const context = config.contexts.find((each) => each.name === wanted)?.context;
  const cluster = config.clusters.find((each) => each.name === context?.cluster)?.cluster;
  const user = config.users.find((each) => each.name === context?.user)?.user;
  if (!cluster?.server || !user) {
    const names = config.contexts.map((each) => each.name).join(", ");
    throw new Error(
      `${file}: context ${wanted ? `"${wanted}"` : "(none is current)"} is not complete; there are: ${names}`,
    );
  }
  const part = (of: Record<string, string>, key: string): Buffer | undefined =>
    of[`${key}-data`] ? Buffer.from(of[`${key}-data`] ?? "", "base64") : of[key] ? readFileSync(of[key]) : undefined;
  const ca = part(cluster, "certificate-authority");
  const cert = part(user, "client-certificate");
  const key = part(user, "client-key");
  if (!(cert && key) && !user.token) {
    // Plug-ins of cloud vendors and the rest of what a kubeconfig can hold: here the library earns its cost.
    const { KubeConfig } = await import("@kubernetes/client-node");
    const full = new KubeConfig();
    full.loadFromFile(file);
    if (wanted) full.setCurrentContext(wanted);
    const options: RequestOptions = {};
    await full.applyToHTTPSOptions(options as Parameters<typeof full.applyToHTTPSOptions>[0]);
    return { server: cluster.server, options };
  }
  return {
    server: cluster.server.replace(/\/$/, ""),
    options: {
      ...(ca ? { ca } : {}),
      ...(cert && key ? { cert, key } : { headers: { Authorization: `Bearer ${user.token}` } }),
      ...(cluster["tls-server-name"] ? { servername: cluster["tls-server-name"] } : {}),
    },
  };
};
