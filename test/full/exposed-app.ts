// How is an exposed app asked as a browser would ask it, whichever port leads to the ingress?
import { once } from "node:events";
import { request } from "node:https";
import type { TLSSocket } from "node:tls";
import { execa } from "execa";
import { build } from "../../engine/builds.ts";
import type { Kubectl } from "../kubectl.ts";

/** What the app answered, and who signed for the host. */
export interface Answer {
  readonly code: number;
  readonly body: string;
  readonly issuer: string;
}

/** What is sent; `auth` is `name:password`. */
interface Sent {
  readonly path?: string;
  readonly auth?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
}

/** One request by HTTPS to a port of this machine, for a host, trusting one authority alone. */
export const askThrough = (
  port: number,
  host: string,
  authority: string,
  { path = "/", auth, method = "GET", headers = {}, text }: Sent = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      servername: host,
      headers: { ...headers, host },
      method,
      path,
      ...(auth && { auth }),
      ca: authority,
      agent: false,
    } as const;
    request({ ...options, timeout: 10_000 }, (response) => {
      const { issuer } = (response.socket as TLSSocket).getPeerCertificate();
      let body = "";
      response.on("data", (part) => {
        body += part;
      });
      response.on("end", () => resolve({ code: response.statusCode ?? 0, body, issuer: String(issuer.CN) }));
    })
      .on("error", reject)
      .on("timeout", () => reject(new Error("no answer within 10 s")))
      .end(text);
  });

/** Certificate of the platform's own authority, PEM. */
export const authorityOf = async (kubectl: Kubectl): Promise<string> =>
  Buffer.from(
    await kubectl([
      ...["get", "secret", "plumbline-authority", "--namespace", "cert-manager"],
      ...["--output", "jsonpath={.data.ca\\.crt}"],
    ]),
    "base64",
  ).toString();

/** A port of this machine that leads to a Service, as `kubectl port-forward` gives it. */
export const portForward = async (
  kubeconfig: string,
  namespace: string,
  service: string,
  port: number,
): Promise<{ readonly port: number; readonly end: () => Promise<void> }> => {
  const folder = await build("kubernetes", () => {}, new AbortController().signal);
  const child = execa(
    `${folder}/kubectl`,
    ["--kubeconfig", kubeconfig, "port-forward", "--namespace", namespace, `service/${service}`, `:${port}`],
    { reject: false, stdin: "ignore" },
  );
  // Not by iterating over the lines: leaving such a loop waits for the program's end.
  const ended = child.then(({ stderr }) => Promise.reject(new Error(`kubectl port-forward ended: ${stderr}`)));
  const [said] = (await Promise.race([once(child.stdout, "data"), ended])) as [Buffer];
  ended.catch(() => {});
  const found = /127\.0\.0\.1:(\d+)/.exec(String(said)) ?? [];
  return {
    port: Number(found[1]),
    end: async () => {
      child.kill();
      await child;
    },
  };
};
