// Which processes make the control plane, and what configuration do they read?
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dump } from "js-yaml";
import { kubeconfig } from "./kubeconfig.ts";
import { addresses } from "./network.ts";
import { command, environment, inside, type ProcessSpec } from "./spec.ts";

const folder = `${inside.state}/cluster/control-plane`;
const pki = `${inside.state}/cluster/pki`;
const staticManifestsFolder = `${inside.state}/cluster/static`;

/** Port of the API server on the control plane's address. */
export const apiPort = 6443;

/**
 * Writes what the control plane reads.
 *
 * @param cluster `<state>/cluster` on the host
 * @param staticManifests admission policies (YAML documents) in force from the first request on; not visible through the API
 */
export const writeControlPlane = async (cluster: string, staticManifests: readonly string[]): Promise<void> => {
  const target = join(cluster, "control-plane");
  await mkdir(target, { recursive: true, mode: 0o700 });
  const put = (name: string, text: string) => writeFile(join(target, name), text, { mode: 0o600 });
  await put("admission.yaml", dump(admission));
  await put("authentication.yaml", dump(authentication));
  await put("audit.yaml", dump(audit));
  for (const name of ["kube-controller-manager", "kube-scheduler", "git-notifier"]) {
    await put(`${name}.yaml`, await kubeconfig(join(cluster, "pki"), name, `https://127.0.0.1:${apiPort}`));
  }
  const draft = join(cluster, "static.new");
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  for (const [index, manifest] of staticManifests.entries()) {
    await writeFile(join(draft, `${index}.yaml`), manifest, { mode: 0o600 });
  }
  await rm(join(cluster, "static"), { recursive: true, force: true });
  await rename(draft, join(cluster, "static"));
};

/** The processes of the control plane; the last to be ready is the scheduler. */
export const controlPlaneProcesses = (): ProcessSpec[] => [
  {
    name: "etcd",
    argv: command("etcd", {
      "data-dir": `${folder}/etcd`,
      "listen-client-urls": "http://127.0.0.1:2379",
      "advertise-client-urls": "http://127.0.0.1:2379",
      "listen-peer-urls": "http://127.0.0.1:2380",
      "snapshot-count": 10000,
      "auto-compaction-retention": "5m",
      "log-level": "warn",
    }),
    env: environment("GOGC=50"),
    ready: { http: "http://127.0.0.1:2379/readyz", timeoutSeconds: 60 },
  },
  {
    name: "kube-apiserver",
    after: ["etcd"],
    argv: command("kube-apiserver", {
      "etcd-servers": "http://127.0.0.1:2379",
      "bind-address": "0.0.0.0",
      "secure-port": apiPort,
      "advertise-address": addresses.controlPlane,
      "service-cluster-ip-range": addresses.services,
      "tls-cert-file": `${pki}/kube-apiserver.crt`,
      "tls-private-key-file": `${pki}/kube-apiserver.key`,
      "client-ca-file": `${pki}/ca.crt`,
      "authentication-config": `${folder}/authentication.yaml`,
      "authorization-mode": "Node,RBAC",
      "enable-admission-plugins": "NodeRestriction",
      "admission-control-config-file": `${folder}/admission.yaml`,
      "service-account-issuer": `https://kubernetes.default.svc.${addresses.domain}`,
      "service-account-signing-key-file": `${pki}/service-accounts.key`,
      "service-account-key-file": `${pki}/service-accounts.pub`,
      "kubelet-certificate-authority": `${pki}/ca.crt`,
      "kubelet-client-certificate": `${pki}/kubelet-client.crt`,
      "kubelet-client-key": `${pki}/kubelet-client.key`,
      "kubelet-preferred-address-types": "InternalIP",
      "enable-aggregator-routing": true,
      "requestheader-client-ca-file": `${pki}/front-proxy-ca.crt`,
      "requestheader-allowed-names": "plumbline:front-proxy",
      "requestheader-extra-headers-prefix": "X-Remote-Extra-",
      "requestheader-group-headers": "X-Remote-Group",
      "requestheader-username-headers": "X-Remote-User",
      "proxy-client-cert-file": `${pki}/front-proxy.crt`,
      "proxy-client-key-file": `${pki}/front-proxy.key`,
      "audit-policy-file": `${folder}/audit.yaml`,
      "audit-log-path": `${inside.log}/audit.log`,
      "audit-log-maxsize": 20, // megabytes
      "audit-log-maxbackup": 2,
      "allow-privileged": true,
      profiling: false,
    }),
    env: environment(),
    ready: { http: `https://127.0.0.1:${apiPort}/readyz`, ca: `${pki}/ca.crt`, timeoutSeconds: 90 },
  },
  {
    name: "kube-controller-manager",
    after: ["kube-apiserver"],
    argv: command("kube-controller-manager", {
      kubeconfig: `${folder}/kube-controller-manager.yaml`,
      "bind-address": "127.0.0.1",
      "leader-elect": false,
      "service-account-private-key-file": `${pki}/service-accounts.key`,
      "root-ca-file": `${pki}/ca.crt`,
      "use-service-account-credentials": true,
      // Each of its controllers asks for a token first; at the default of 20 a second that alone takes four seconds.
      "kube-api-qps": 300,
      "kube-api-burst": 600,
      profiling: false,
    }),
    env: environment("GOGC=50"),
    ready: { http: "https://127.0.0.1:10257/healthz", timeoutSeconds: 60 },
  },
  {
    name: "kube-scheduler",
    after: ["kube-apiserver"],
    argv: command("kube-scheduler", {
      kubeconfig: `${folder}/kube-scheduler.yaml`,
      "bind-address": "127.0.0.1",
      "leader-elect": false,
      profiling: false,
    }),
    env: environment("GOGC=50"),
    ready: { http: "https://127.0.0.1:10259/healthz", timeoutSeconds: 60 },
  },
];

const admission = {
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AdmissionConfiguration",
  plugins: [
    {
      name: "ValidatingAdmissionPolicy",
      configuration: {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "ValidatingAdmissionPolicyConfiguration",
        staticManifestsDir: staticManifestsFolder,
      },
    },
  ],
};

/** Nobody is anonymous but those who ask for health, as the supervisor does. */
const authentication = {
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AuthenticationConfiguration",
  anonymous: { enabled: true, conditions: ["/livez", "/readyz", "/healthz"].map((path) => ({ path })) },
};

/** Who wrote what: every write's metadata, without bodies, so that no Secret lands in the log. */
const audit = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    {
      level: "None",
      resources: [
        { group: "coordination.k8s.io", resources: ["leases"] },
        { group: "", resources: ["events"] },
        { group: "events.k8s.io" },
      ],
    },
    { level: "None", resources: [{ group: "", resources: ["nodes/status"] }], userGroups: ["system:nodes"] },
    { level: "Metadata", verbs: ["create", "update", "patch", "delete", "deletecollection"] },
    {
      level: "Metadata",
      resources: [
        {
          group: "",
          resources: ["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy"],
        },
      ],
    },
    { level: "None" },
  ],
};
