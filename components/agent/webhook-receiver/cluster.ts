// How is an agent told? One annotation on each of its objects that follow what was pushed, by the API server of this pod.
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import type { PushEvent } from "./events.ts";
import { type Follower, followedByArgoCd, followedByFlux, isMeant } from "./followers.ts";

/** What the receiver is told at its start. */
export interface Told {
  readonly agent: "flux" | "argo-cd";
  /** Namespace of Flux's sources; Applications stand with their apps. */
  readonly namespace: string;
}

/** What of an object matters here. */
interface Found {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly url?: string;
    readonly ref?: Readonly<Record<string, string>>;
    readonly source?: ArgoCdSource;
    readonly sources?: readonly ArgoCdSource[];
  };
}

interface ArgoCdSource {
  readonly repoURL: string;
  readonly targetRevision?: string;
}

/** A kind of object that follows repositories, and what has its agent look at once. */
interface Kind {
  readonly version: string;
  readonly plural: string;
  /** Only in the namespace of the agent. */
  readonly atHome: boolean;
  readonly followers: (spec: Found["spec"]) => readonly Follower[];
  readonly annotation: () => Readonly<Record<string, string>>;
}

const flux = (plural: string): Kind => ({
  version: "/apis/source.toolkit.fluxcd.io/v1",
  plural,
  atHome: true,
  followers: ({ url, ref }) => (url ? [followedByFlux(url, ref)] : []),
  annotation: () => ({ "reconcile.fluxcd.io/requestedAt": new Date().toISOString() }),
});

const kinds: Readonly<Record<Told["agent"], readonly Kind[]>> = {
  flux: [flux("gitrepositories"), flux("ocirepositories")],
  "argo-cd": [
    {
      version: "/apis/argoproj.io/v1alpha1",
      plural: "applications",
      atHome: false,
      followers: ({ source, sources = [] }) =>
        [...(source ? [source] : []), ...sources].map(({ repoURL, targetRevision }) =>
          followedByArgoCd(repoURL, targetRevision),
        ),
      annotation: () => ({ "argocd.argoproj.io/refresh": "normal" }),
    },
  ],
};

/** Objects that are asked for at once, and patches that are under way at once. */
const page = 500;
const atOnce = 16;

/**
 * Tells everything that is meant.
 *
 * @returns namespace/name of each that was told
 * @throws Error when the API server refuses or does not answer
 */
export const tellAgent = async ({ agent, namespace }: Told, event: PushEvent): Promise<string[]> => {
  const told: string[] = [];
  for (const { version, plural, atHome, followers, annotation } of kinds[agent]) {
    const found = await list(`${version}/${atHome ? `namespaces/${namespace}/` : ""}${plural}`);
    const meant = found.filter(({ spec }) => followers(spec).some((each) => isMeant(each, event)));
    while (meant.length > 0)
      await Promise.all(
        meant.splice(0, atOnce).map(async ({ metadata }) => {
          const path = `${version}/namespaces/${metadata.namespace}/${plural}/${metadata.name}`;
          await call("PATCH", `${path}?fieldManager=plumbline-webhook`, { metadata: { annotations: annotation() } });
          told.push(`${metadata.namespace}/${metadata.name}`);
        }),
      );
  }
  return told;
};

const list = async (path: string): Promise<Found[]> => {
  const found: Found[] = [];
  let next = "";
  do {
    const { items, metadata } = (await call("GET", `${path}?limit=${page}&continue=${encodeURIComponent(next)}`)) as {
      readonly items: readonly Found[];
      readonly metadata: { readonly continue?: string };
    };
    found.push(...items);
    next = metadata.continue ?? "";
  } while (next);
  return found;
};

const account = "/var/run/secrets/kubernetes.io/serviceaccount";

/** One call as this pod's ServiceAccount; its token is read each time, since the kubelet renews it. */
const call = async (method: string, path: string, body?: object): Promise<unknown> => {
  const [token, ca] = await Promise.all([readFile(join(account, "token"), "utf8"), readFile(join(account, "ca.crt"))]);
  return new Promise((resolve, reject) => {
    const options = {
      host: process.env.KUBERNETES_SERVICE_HOST,
      port: process.env.KUBERNETES_SERVICE_PORT,
      method,
      path,
      ca,
      headers: {
        authorization: `Bearer ${token.trim()}`,
        accept: "application/json",
        ...(body && { "content-type": "application/merge-patch+json" }),
      },
      timeout: 10_000,
    };
    const asked = request(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const answer = JSON.parse(Buffer.concat(parts).toString()) as { readonly message?: string };
        const { statusCode = 0 } = response;
        if (statusCode < 300) resolve(answer);
        else reject(new Error(`the API server answers ${statusCode} to ${method} ${path}: ${answer.message}`));
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("the API server did not answer within 10 s")));
    asked.on("error", reject);
    asked.end(body && JSON.stringify(body));
  });
};
