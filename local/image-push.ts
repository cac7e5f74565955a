// How does an image that was built here come into a registry? By the five requests of the OCI distribution API.
import { Agent, request } from "node:https";
import { list } from "tar";

/** A registry as this machine reaches it, and the account that pushes. */
export interface PushTarget {
  /** `127.0.0.1:port` of the host. */
  readonly reached: string;
  /** Name that its certificate is for. */
  readonly host: string;
  /** Certificate of the authority, PEM. */
  readonly authority: string;
  readonly username: string;
  readonly password: string;
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

/**
 * Pushes the image of an archive (OCI layout in a tar file); what is there already is not sent again.
 *
 * @param name repository and tag: "plumbline/hello:1"
 * @throws Error with what the registry answered
 */
export const pushImage = async (
  archive: string,
  name: string,
  target: PushTarget,
  signal: AbortSignal,
): Promise<void> => {
  const [repository = "", tag = ""] = name.split(":");
  const agent = new Agent({ ca: target.authority, servername: target.host, keepAlive: true, maxSockets: 1 });
  const ask = (method: string, path: string, body?: Buffer, type = "application/octet-stream") =>
    answerOf(target, agent, { method, path, signal, ...(body && { body, type }) });
  const send = async (wanted: number, ...asked: Parameters<typeof ask>): Promise<Answer> => {
    const answer = await ask(...asked);
    if (answer.status === wanted) return answer;
    throw new Error(`${target.host} answers ${asked[0]} ${asked[1]} with ${answer.status}: ${answer.body.trim()}`);
  };
  try {
    const files = await filesOf(archive);
    const read = ({ digest }: Descriptor): Buffer => {
      const found = files.get(`blobs/${digest.replace(":", "/")}`);
      if (!found) throw new Error(`${archive} lacks ${digest}`);
      return found;
    };
    const { manifests } = JSON.parse(String(files.get("index.json"))) as { manifests: [Descriptor] };
    const manifest = read(manifests[0]);
    const { config, layers } = JSON.parse(manifest.toString()) as { config: Descriptor; layers: Descriptor[] };
    for (const blob of [config, ...layers]) {
      if ((await ask("HEAD", `/v2/${repository}/blobs/${blob.digest}`)).status === 200) continue;
      const { location = "" } = await send(202, "POST", `/v2/${repository}/blobs/uploads/`);
      const upload = new URL(location, `https://${target.host}`);
      upload.searchParams.set("digest", blob.digest);
      await send(201, "PUT", `${upload.pathname}${upload.search}`, read(blob));
    }
    await send(201, "PUT", `/v2/${repository}/manifests/${tag}`, manifest, manifests[0].mediaType);
  } finally {
    agent.destroy();
  }
};

const filesOf = async (archive: string): Promise<Map<string, Buffer>> => {
  const files = new Map<string, Buffer>();
  await list({
    file: archive,
    onReadEntry: (entry) => {
      const parts: Buffer[] = [];
      entry.on("data", (part: Buffer) => parts.push(part));
      entry.on("end", () => files.set(entry.path, Buffer.concat(parts)));
    },
  });
  return files;
};

const answerOf = (
  { reached, host, username, password }: PushTarget,
  agent: Agent,
  {
    method,
    path,
    body,
    type,
    signal,
  }: { method: string; path: string; body?: Buffer; type?: string; signal: AbortSignal },
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const [hostname, port] = reached.split(":");
    const headers = {
      host,
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
      "content-length": body?.length ?? 0,
      ...(body && type && { "content-type": type }),
    };
    request({ hostname, port, method, path, headers, agent, signal, timeout: 30_000 }, (response) => {
      let text = "";
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, location: response.headers.location, body: text }),
      );
      response.on("error", reject);
    })
      .on("error", reject)
      .on("timeout", function (this: { destroy: (cause: Error) => void }) {
        this.destroy(new Error(`${host} does not answer within 30 s`));
      })
      .end(body);
  });
