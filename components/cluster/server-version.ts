// Is a cluster new enough? Asks its API server for the version.
import { readFileSync } from "node:fs";
import { request as plain } from "node:http";
import { type RequestOptions, request as secure } from "node:https";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { log } from "@pulumi/pulumi";
import { load } from "js-yaml";

/** Oldest minor version of Kubernetes 1 whose admission (ValidatingAdmissionPolicy v1) the platform can use. */
const oldestMinor = 30;

interface Kubeconfig {
  "current-context"?: string;
  contexts?: { name: string; context: { cluster: string; user?: string } }[];
  users?: { name: string; user: Record<string, string | undefined> }[];
  clusters?: {
    name: string;
    cluster: { server: string; "certificate-authority-data"?: string; "certificate-authority"?: string };
  }[];
}

const read = (path: string): Kubeconfig => {
  try {
    return (load(readFileSync(path, "utf8")) ?? {}) as Kubeconfig;
  } catch (error) {
    throw new Error(`${path} cannot be read as a kubeconfig: ${(error as Error).message}`);
  }
};

/**
 * Refuses a cluster that is too old.
 *
 * Asked with the kubeconfig's certificate or token; a plug-in's credential is not fetched for this, and where the API
 * server then tells its version to nobody, a warning says so.
 *
 * @throws Error when the kubeconfig or its context does not exist, or the version is older than 1.30
 */
export const requireVersion = async ({
  kubeconfig,
  context,
}: {
  kubeconfig?: string;
  context?: string;
}): Promise<true> => {
  const [fallback = join(homedir(), ".kube", "config")] = (process.env.KUBECONFIG ?? "")
    .split(delimiter)
    .filter(Boolean);
  const path = kubeconfig ?? fallback;
  const { contexts = [], clusters = [], users = [], ...config } = read(path);
  const wanted = context ?? config["current-context"];
  const found = contexts.find(({ name }) => name === wanted);
  const cluster = clusters.find(({ name }) => name === found?.context.cluster)?.cluster;
  if (!cluster) {
    const names = contexts.map(({ name }) => name).join(", ") || "none";
    throw new Error(`${path} has no context "${wanted ?? ""}"; it has: ${names}`);
  }
  const user = users.find(({ name }) => name === found?.context.user)?.user ?? {};
  const answer = await versionOf(cluster.server, authorityOf(cluster), credentialOf(user));
  if (typeof answer === "string") {
    log.warn(`The version of ${cluster.server} could not be checked (${answer}); 1.${oldestMinor} or later is needed.`);
  } else if (answer.major === 1 && answer.minor < oldestMinor) {
    throw new Error(
      `${cluster.server} runs Kubernetes ${answer.major}.${answer.minor}; the platform needs 1.${oldestMinor} or later`,
    );
  }
  return true;
};

const authorityOf = (cluster: NonNullable<Kubeconfig["clusters"]>[number]["cluster"]): Buffer | undefined => {
  if (cluster["certificate-authority-data"]) return Buffer.from(cluster["certificate-authority-data"], "base64");
  return cluster["certificate-authority"] ? readFileSync(cluster["certificate-authority"]) : undefined;
};

const credentialOf = (user: Record<string, string | undefined>): RequestOptions => {
  const part = (key: string): Buffer | undefined => {
    const data = user[`${key}-data`];
    if (data) return Buffer.from(data, "base64");
    const file = user[key];
    return file ? readFileSync(file) : undefined;
  };
  const cert = part("client-certificate");
  const key = part("client-key");
  if (cert && key) return { cert, key };
  return user.token ? { headers: { Authorization: `Bearer ${user.token}` } } : {};
};

const versionOf = (
  server: string,
  ca: Buffer | undefined,
  credential: RequestOptions,
): Promise<{ major: number; minor: number } | string> =>
  new Promise((resolve) => {
    const url = new URL("/version", server);
    const request = url.protocol === "http:" ? plain : secure;
    const call = request(url, { ...credential, ...(ca && { ca }), timeout: 5000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode !== 200) return resolve(`it answered ${response.statusCode}`);
        try {
          const { major, minor } = JSON.parse(text) as { major: string; minor: string };
          resolve({ major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10) });
        } catch {
          resolve("its answer is not a version");
        }
      });
    });
    call.on("timeout", () => call.destroy(new Error("no answer within 5 s")));
    call.on("error", (error) => resolve(error.message));
    call.end();
  });
