// Who initialises Vault, opens it after each start, and writes into it what is declared? A loop in Vault's own image.
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { labels, restrictedContainer, restrictedPod } from "../workload.ts";
import { address, audience, configurator, digest, mark, mount, peerDomain, ports } from "./vault-config.ts";

/** Label of the ConfigMaps in Vault's namespace that grant an app its secrets. */
export const grantLabel = "plumbline.dev/grant";
/** Secret with what an initialisation gives: the share that opens Vault or recovers it, and the first token, once revoked. */
export const keysSecret = "vault-keys";

/** What the configurator of one Vault is told. */
export interface ConfiguratorSettings {
  readonly namespace: string;
  readonly replicas: number;
  readonly mirror: string | undefined;
  /** Whether Vault opens itself. Otherwise the configurator does, with the share that it keeps. */
  readonly opensItself: boolean;
  /** What is declared: `policy.<name>`, `role.<name>`, `generated`. */
  readonly files: Readonly<Record<string, string>>;
  readonly transform: ((args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs) | undefined;
}

/**
 * The loop, for the shell of Vault's image. It speaks to the API server through `kubectl proxy` beside it, which shows the
 * token and verifies the certificate: the image has no program that could.
 */
const loop = `set -u
trap 'exit 0' TERM INT
umask 077
say() { echo "$(date -u +%FT%TZ) $*"; }
ask() { wget -q -U plumbline -O - "$API/$1"; }
at() { server=$1; shift; VAULT_ADDR="https://$server.$PEERS:${ports.api}" vault "$@"; }
# The values of a field in JSON. Those asked for are Base64: none holds a character that ends it.
values() { tr -d ' \\n' | tr ',{}' '\\n\\n\\n' | sed -n "s|^\\"$1\\":\\"\\([A-Za-z0-9+/=]*\\)\\"\\$|\\1|p"; }

read_keys() {
  ask "secrets?fieldSelector=metadata.name=${keysSecret}" > /scratch/secret || return 1
  for key in root share; do values $key < /scratch/secret | base64 -d > /scratch/$key; done
}

initialise() {
  # With a Secret there has been a Vault: a server without data joins the others, or waits for a snapshot.
  [ -s /scratch/share ] && return 0
  at vault-0 operator init -status > /dev/null 2>&1
  [ $? = 2 ] || return 0
  at vault-0 operator init $SHARES -format=table > /scratch/init || return 1
  share=$(sed -n 's/^[A-Z][a-z]* Key 1: //p' /scratch/init)
  root=$(sed -n 's/^Initial Root Token: //p' /scratch/init)
  cat > /scratch/keys.json <<END
{"apiVersion":"v1","kind":"Secret","metadata":{"name":"${keysSecret}"},"stringData":{"share":"$share","root":"$root"}}
END
  # Nothing else has them: it goes on until they are kept.
  until wget -q -U plumbline -O /dev/null --header 'Content-Type: application/json' --post-file /scratch/keys.json "$API/secrets"; do
    say "the keys cannot be kept yet"
    sleep 1
  done
  rm /scratch/init /scratch/keys.json
  say "initialised"
  read_keys
}

unseal() {
  for server in $SERVERS; do
    at "$server" status > /dev/null 2>&1
    [ $? = 2 ] || continue
    at "$server" write -field=sealed sys/unseal key=@/scratch/share > /dev/null 2>&1 && say "$server is unsealed"
  done
  return 0
}

gather() {
  rm -rf /scratch/declared
  mkdir /scratch/declared
  cp -L /configuration/* /scratch/declared/
  ask "configmaps?labelSelector=${grantLabel}" > /scratch/grants || return 1
  values grant < /scratch/grants | while read -r grant; do
    echo "$grant" | base64 -d | { IFS= read -r name; IFS= read -r role; echo "$role" > "/scratch/declared/role.$name"; cat > "/scratch/declared/policy.$name"; }
  done
  declared=$(cd /scratch/declared && { ls; cat ./*; } | sha256sum)
}

login() {
  vault write -field=token auth/kubernetes/login role=${configurator} jwt=@/token/token 2> /dev/null
}

there() { vault "$1" list -format=json | grep -q "^  \\"$2/\\""; }

configure() (
  VAULT_TOKEN=$(login) || VAULT_TOKEN=$(cat /scratch/root)
  export VAULT_TOKEN
  set -e
  there audit stdout || vault audit enable -path=stdout file file_path=stdout
  there auth kubernetes || vault auth enable kubernetes
  there secrets ${mount} || vault secrets enable -path=${mount} -version=2 kv
  vault write auth/kubernetes/config kubernetes_host=https://kubernetes.default.svc > /dev/null
  cd /scratch/declared
  for file in policy.*; do vault policy write "\${file#policy.}" "$file" > /dev/null; done
  for file in role.*; do vault write "auth/kubernetes/role/\${file#role.}" "@$file" > /dev/null; done
  vault list auth/kubernetes/role | tail -n +3 > /scratch/roles
  while read -r name; do
    [ -e "role.$name" ] || { vault delete "auth/kubernetes/role/$name" > /dev/null; say "role $name is removed"; }
  done < /scratch/roles
  vault policy list | grep -vx root > /scratch/policies
  while read -r name; do
    if [ ! -e "policy.$name" ] && vault policy read "$name" | grep -qx '${mark}'; then
      vault policy delete "$name" > /dev/null
      say "policy $name is removed"
    fi
  done < /scratch/policies
  while IFS='#' read -r path key; do
    vault kv metadata get -mount=${mount} "$path" > /dev/null 2>&1 && continue
    head -c 24 /dev/urandom | base64 | tr -d '\\n' | vault kv put -mount=${mount} -cas=0 "$path" "$key=-" > /dev/null
    say "$path#$key is generated"
  done < generated
  [ -e /scratch/revoked ] && exit 0
  VAULT_TOKEN=$(login)
  # The first token has done its work; its like can be made with the share alone.
  VAULT_TOKEN=$(cat /scratch/root) vault token revoke -self > /scratch/answer 2>&1 || grep -q 'Code: 403' /scratch/answer
  touch /scratch/revoked
)

round=0
done=
while true; do
  touch /scratch/alive
  if read_keys && initialise; then
    [ "$OPENS_ITSELF" = true ] || unseal
    # Every five minutes also without a change: what somebody else did to it is taken back.
    if gather && { [ "$declared" != "$done" ] || [ $((round % 60)) = 0 ]; }; then
      configure
      if [ $? = 0 ]; then
        [ "$declared" = "$done" ] || say "configured"
        done=$declared
        touch /scratch/ready
      else
        done=
        rm -f /scratch/ready
      fi
    fi
  fi
  round=$((round + 1))
  sleep 5 &
  wait $!
done
`;

/** Declares the configurator: its files, its rights, its pod. @returns what is ready once Vault holds what is declared */
export const configuring = (
  name: string,
  settings: ConfiguratorSettings,
  opts: pulumi.ComponentResourceOptions,
  after: pulumi.Resource[],
): k8s.apps.v1.Deployment => {
  const { namespace, replicas, mirror, opensItself, files, transform } = settings;
  const resource = `${name}-configurator`;
  const metadata = { name: configurator, namespace, labels: labels(configurator) };
  const configuration = new k8s.core.v1.ConfigMap(resource, { metadata, data: { ...files } }, opts);
  const script = new k8s.core.v1.ConfigMap(
    `${resource}-script`,
    { metadata: { ...metadata, name: `${configurator}-script` }, data: { "configure.sh": loop } },
    opts,
  );
  const account = new k8s.core.v1.ServiceAccount(resource, { metadata, automountServiceAccountToken: false }, opts);
  new k8s.rbac.v1.Role(
    resource,
    {
      metadata,
      rules: [
        { apiGroups: [""], resources: ["configmaps"], verbs: ["list"] },
        { apiGroups: [""], resources: ["secrets"], resourceNames: [keysSecret], verbs: ["list"] },
        { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
      ],
    },
    opts,
  );
  const bound = new k8s.rbac.v1.RoleBinding(
    resource,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: configurator },
      subjects: [{ kind: "ServiceAccount", name: configurator, namespace }],
    },
    opts,
  );
  const opened = new k8s.networking.v1.NetworkPolicy(
    resource,
    {
      metadata,
      spec: {
        podSelector: { matchLabels: labels(configurator) },
        policyTypes: ["Egress"],
        egress: [
          { to: [{ podSelector: { matchLabels: labels("vault") } }], ports: [{ protocol: "TCP", port: ports.api }] },
        ],
      },
    },
    opts,
  );
  const kind = opensItself ? "recovery" : "key";
  const proxy = "http://127.0.0.1:8001";
  const asked = {
    exec: { command: ["/bin/kubectl", `--server=${proxy}`, "get", "--raw=/version"] },
    timeoutSeconds: 5,
  };
  const env = {
    API: `${proxy}/api/v1/namespaces/${namespace}`,
    SERVERS: [...Array(replicas).keys()].map((index) => `vault-${index}`).join(" "),
    PEERS: peerDomain(namespace),
    SHARES: `-${kind}-shares=1 -${kind}-threshold=1`,
    OPENS_ITSELF: String(opensItself),
    VAULT_ADDR: address(namespace),
    VAULT_CACERT: "/vault/tls/ca.crt",
    VAULT_CLIENT_TIMEOUT: "10s",
    HOME: "/scratch",
  };
  const deployment: k8s.apps.v1.DeploymentArgs = {
    metadata,
    spec: {
      replicas: 1,
      // Two at once would both initialise.
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels(configurator) },
      template: {
        metadata: {
          labels: labels(configurator),
          annotations: { "plumbline.dev/configuration": digest([loop, files]) },
        },
        spec: {
          serviceAccountName: account.metadata.name,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 5,
          securityContext: restrictedPod,
          containers: [
            {
              name: "configurator",
              image: image("vault", mirror),
              imagePullPolicy: "IfNotPresent",
              command: ["sh", "/script/configure.sh"],
              env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
              readinessProbe: { exec: { command: ["test", "-e", "/scratch/ready"] }, periodSeconds: 2 },
              livenessProbe: {
                exec: { command: ["sh", "-c", "find /scratch/alive -mmin -3 | grep -q ."] },
                initialDelaySeconds: 60,
                periodSeconds: 60,
              },
              resources: { requests: { cpu: "20m", memory: "48Mi" }, limits: { cpu: "1", memory: "256Mi" } },
              securityContext: restrictedContainer,
              volumeMounts: [
                { name: "configuration", mountPath: "/configuration", readOnly: true },
                { name: "script", mountPath: "/script", readOnly: true },
                { name: "tls", mountPath: "/vault/tls", readOnly: true },
                { name: "token", mountPath: "/token", readOnly: true },
                { name: "scratch", mountPath: "/scratch" },
              ],
            },
            {
              name: "api",
              image: image("kubectl", mirror),
              imagePullPolicy: "IfNotPresent",
              command: ["/bin/kubectl"],
              args: [
                "proxy",
                "--port=8001",
                `--accept-paths=^/api/v1/namespaces/${namespace}/(configmaps|secrets)$,^/version$`,
              ],
              // Each try costs a process. The first that counts comes a period after the start, and all that needs secrets waits.
              startupProbe: { ...asked, periodSeconds: 1, failureThreshold: 60 },
              readinessProbe: { ...asked, periodSeconds: 10 },
              livenessProbe: { ...asked, periodSeconds: 60 },
              resources: { requests: { cpu: "5m", memory: "24Mi" }, limits: { cpu: "500m", memory: "128Mi" } },
              securityContext: restrictedContainer,
            },
          ],
          volumes: [
            { name: "configuration", configMap: { name: configuration.metadata.name } },
            { name: "script", configMap: { name: script.metadata.name } },
            { name: "tls", secret: { secretName: "vault-tls", items: [{ key: "ca.crt", path: "ca.crt" }] } },
            {
              name: "token",
              projected: { sources: [{ serviceAccountToken: { audience, path: "token", expirationSeconds: 3600 } }] },
            },
            // What opens Vault is in memory here, and on no disk.
            { name: "scratch", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
          ],
        },
      },
    },
  };
  return new k8s.apps.v1.Deployment(resource, transform ? transform(deployment) : deployment, {
    ...opts,
    dependsOn: [bound, opened, ...after],
  });
};
