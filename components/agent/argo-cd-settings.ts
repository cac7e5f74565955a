// What is Argo CD told before it starts? Its settings, the password of its cache, and how it gets the tokens of deployers.
import { randomBytes } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** Names by which the programs find what they are told. */
export const names = {
  /** Secret with the password of the cache, under `auth`, and the line of its configuration that asks for it. */
  cache: "argocd-redis",
  /** ConfigMap with the program that gets a token. */
  token: "deployer-token",
} as const;

/** Label by which Argo CD finds settings and Secrets of its own. */
export const partOf = { "app.kubernetes.io/part-of": "argocd" };

/** What apps say of Git servers and Argo CD wants to know of all at once. */
export interface GitServers {
  /** Lines of `known_hosts`, by repository. */
  readonly knownHosts: Map<string, string>;
  /** Authorities, PEM, by the name of the host. */
  readonly authorities: Map<string, string>;
  /** Public keys of those who may sign, by their identifier. */
  readonly keys: Map<string, string>;
  /** Whether the lists are declared: nothing can be added any more. */
  closed: boolean;
  /** The lists, once nothing can be added. */
  readonly whole: Promise<GitServers>;
}

/** Lists that are whole when this turn ends: a program declares its apps behind the agent, in one go. */
export const gatherGitServers = (): GitServers => {
  const { promise, resolve } = Promise.withResolvers<GitServers>();
  const lists: GitServers = {
    knownHosts: new Map(),
    authorities: new Map(),
    keys: new Map(),
    closed: false,
    whole: promise,
  };
  setImmediate(() => {
    lists.closed = true;
    resolve(lists);
  });
  return lists;
};

/** Where the controller's pod has the program that gets a token. */
export const tokenProgram = "/plumbline/deployer-token";

/**
 * Gets a token of the ServiceAccount `$2` of the namespace `$1` from this pod's own API server, and prints it as programs
 * do that Kubernetes' clients ask for credentials. They keep it in memory, and ask again before it ends.
 *
 * With openssl, which comes with the certificates of the vendor's image: no other program there speaks TLS and sends what
 * it is told. The pod's own token goes through a pipe, never into an argument.
 */
const tokenScript = (audiences: readonly string[]): string => `#!/bin/sh
set -eu
account=/var/run/secrets/kubernetes.io/serviceaccount
body='{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":${JSON.stringify({ audiences, expirationSeconds: 3600 })}}'
answer=$(
  {
    printf 'POST /api/v1/namespaces/%s/serviceaccounts/%s/token HTTP/1.0\\r\\n' "$1" "$2"
    printf 'Authorization: Bearer %s\\r\\n' "$(cat $account/token)"
    printf 'Host: kubernetes.default.svc\\r\\nAccept: application/json\\r\\nContent-Type: application/json\\r\\n'
    printf 'Content-Length: %s\\r\\n\\r\\n%s' "\${#body}" "$body"
  } | openssl s_client -quiet -verify_quiet -verify_return_error -CAfile $account/ca.crt \\
    -verify_hostname kubernetes.default.svc -connect "$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"
)
# The status of a token request has the very fields that a client wants.
status=$(printf '%s' "$answer" | sed -n 's/^{.*"status":\\({"token":.*}\\)}.*$/\\1/p')
if [ -z "$status" ]; then
  printf 'no token of %s/%s: %s\\n' "$1" "$2" "$answer" >&2
  exit 1
fi
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":%s}\\n' "$status"
`;

/** Where the cache reads its configuration. */
export const cacheFolders = { settings: "/etc/redis", password: "/etc/redis-password" } as const;

const cacheSettings = `# A cache: what is lost is made again.
save ""
appendonly no
maxmemory 192mb
maxmemory-policy allkeys-lru
# Argo CD asks for none of these, and holes were found in them before.
${["CONFIG", "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO", "FUNCTION", "SCRIPT"].map((command) => `rename-command ${command} ""`).join("\n")}
include ${cacheFolders.password}/password.conf
`;

/** Declares them. @returns what the programs need before they start */
export const declareSettings = (
  name: string,
  { namespace, audiences, gitServers }: { namespace: string; audiences: readonly string[]; gitServers: GitServers },
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const config = (object: string, data: pulumi.Input<Record<string, string>>): k8s.core.v1.ConfigMap =>
    new k8s.core.v1.ConfigMap(
      `${name}-${object}`,
      { metadata: { name: object, namespace, labels: partOf }, data },
      opts,
    );
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const madeOnce = (object: string, data: Record<string, string>): k8s.core.v1.Secret =>
    new k8s.core.v1.Secret(
      `${name}-${object}`,
      { metadata: { name: object, namespace, labels: partOf }, data: pulumi.secret(data) },
      // Each run makes another: the one that the cluster has counts.
      { ...opts, ignoreChanges: ["data"] },
    );
  const servers = gitServers.whole;
  const lines = (texts: ReadonlyMap<string, string>) => [...texts.values()].map((text) => `${text.trim()}\n`).join("");
  const random = (): string => randomBytes(24).toString("hex");
  const password = random();
  return [
    config("argocd-cm", {
      // By an annotation that names the app and the object: a label would be inherited by whatever copies it.
      "application.resourceTrackingMethod": "annotation",
      // A deployer may not list every kind that the cluster has: those are left out.
      "resource.respectRBAC": "normal",
      // A status is what controllers report; health is looked at all the same.
      "resource.customizations.ignoreResourceUpdates.all": "jsonPointers:\n  - /status\n",
    }),
    // Asked for at the start; nothing is in it.
    config("argocd-rbac-cm", {}),
    config(
      "argocd-gpg-keys-cm",
      servers.then(({ keys }) => Object.fromEntries(keys)),
    ),
    config(
      "argocd-ssh-known-hosts-cm",
      servers.then(({ knownHosts }) => (knownHosts.size > 0 ? { ssh_known_hosts: lines(knownHosts) } : {})),
    ),
    config(
      "argocd-tls-certs-cm",
      servers.then(({ authorities }) => Object.fromEntries(authorities)),
    ),
    // What the web server would sign sessions with; the controller asks for it as well.
    madeOnce("argocd-secret", { "server.secretkey": base64(random()) }),
    config("redis-settings", { "redis.conf": cacheSettings }),
    config(names.token, { "deployer-token": tokenScript(audiences) }),
    madeOnce(names.cache, { auth: base64(password), "password.conf": base64(`requirepass ${password}\n`) }),
  ];
};
