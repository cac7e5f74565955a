// Which processes make a node, and what configuration do they read?
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dump } from "js-yaml";
import { readCredential } from "./certificates.ts";
import { apiPort } from "./control-plane.ts";
import { pauseImage } from "./images.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { addresses, nodeAddress, nodeName, podRange } from "./network.ts";
import { registriesFolder } from "./registry-trust.ts";
import { command, environment, inside, type MachineSpec, type Mount, type ProcessSpec } from "./spec.ts";

const socket = "/run/containerd/containerd.sock";
const node = inside.state;

/** Where a node's containerd keeps images, on the host. */
export const containerdFolder = (cluster: string, index: number): string =>
  join(cluster, nodeName(index), "var", "lib", "containerd");

/** Writes what the programs of one node read; the node sees this folder alone of the state. */
export const writeNode = async (cluster: string, index: number, cgroup: string): Promise<void> => {
  const pki = join(cluster, "pki");
  const target = join(cluster, nodeName(index));
  await mkdir(join(target, "cni"), { recursive: true, mode: 0o700 });
  const put = (name: string, text: string) => writeFile(join(target, name), text, { mode: 0o600 });
  const server = `https://${addresses.controlPlane}:${apiPort}`;
  const serving = await readCredential(pki, nodeName(index));
  await put("kubelet.crt", serving.certificate);
  await put("kubelet.key", serving.key);
  await put("ca.crt", (await readCredential(pki, "ca")).certificate);
  await put("kubelet.kubeconfig", await kubeconfig(pki, nodeName(index), server));
  await put("kube-proxy.kubeconfig", await kubeconfig(pki, "kube-proxy", server));
  await put("kubelet.yaml", dump(kubeletConfiguration(index, cgroup)));
  await put("kube-proxy.yaml", dump(proxyConfiguration(index)));
  await put("containerd.toml", containerdConfiguration);
  await put("cni/10-pods.conflist", JSON.stringify(podNetwork(index), null, 2));
  // Pods with `dnsPolicy: Default` read this: a cluster in a network of its own has no name server but its own.
  await put("resolv.conf", "options ndots:1\n");
  // The kubelet would set these for the whole host; where it finds its values it leaves them alone.
  for (const [name, value] of Object.entries(kernelSettings)) await put(name.replaceAll("/", "."), `${value}\n`);
};

/** The machine of one node, nested in the control plane's. `mounts` are those that every machine has. */
export const nodeMachine = (index: number, cgroup: string, mounts: readonly Mount[]): MachineSpec => {
  const state = `${inside.state}/cluster/${nodeName(index)}`;
  return {
    name: nodeName(index),
    cgroup: `${cgroup}/${nodeName(index)}`,
    mounts: [
      ...mounts,
      { source: state, target: inside.state },
      { source: `${state}/var`, target: "/var" },
      { source: `${inside.log}/${nodeName(index)}`, target: inside.log },
      ...Object.keys(kernelSettings).map((name) => ({
        source: `${state}/${name.replaceAll("/", ".")}`,
        target: `/proc/sys/${name}`,
      })),
    ],
    network: { uplink: { address: `${nodeAddress(index)}/24`, gateway: addresses.controlPlane }, routes: [] },
    log: inside.log,
    processes: processes(index, cgroup),
  };
};

const processes = (index: number, cgroup: string): ProcessSpec[] => [
  {
    name: "containerd",
    argv: [`${inside.bin}/containerd`, "--config", `${node}/containerd.toml`],
    env: environment("GOGC=50"),
    ready: { unix: socket, timeoutSeconds: 30 },
  },
  {
    name: "kubelet",
    after: ["containerd"],
    argv: command("kubelet", {
      config: `${node}/kubelet.yaml`,
      kubeconfig: `${node}/kubelet.kubeconfig`,
      "hostname-override": nodeName(index),
      "node-ip": nodeAddress(index),
      "root-dir": "/var/lib/kubelet",
      "runtime-cgroups": `${cgroup}/${nodeName(index)}/machine`,
    }),
    env: environment("GOGC=50"),
    ready: { http: "http://127.0.0.1:10248/healthz", timeoutSeconds: 60 },
  },
  {
    name: "kube-proxy",
    argv: command("kube-proxy", { config: `${node}/kube-proxy.yaml` }),
    env: environment("GOGC=50"),
    ready: { http: "http://127.0.0.1:10256/livez", timeoutSeconds: 60 },
  },
];

/** What the kubelet wants of the kernel, as of Kubernetes 1.37 (pkg/kubelet/cm, protectKernelDefaults). */
const kernelSettings: Readonly<Record<string, number>> = {
  "vm/overcommit_memory": 1,
  "vm/panic_on_oom": 0,
  "kernel/panic": 10,
  "kernel/panic_on_oops": 1,
  "kernel/keys/root_maxkeys": 1_000_000,
  "kernel/keys/root_maxbytes": 25_000_000,
};

const kubeletConfiguration = (index: number, cgroup: string) => ({
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  authentication: {
    anonymous: { enabled: false },
    x509: { clientCAFile: `${node}/ca.crt` },
    webhook: { enabled: true },
  },
  authorization: { mode: "Webhook" },
  tlsCertFile: `${node}/kubelet.crt`,
  tlsPrivateKeyFile: `${node}/kubelet.key`,
  containerRuntimeEndpoint: `unix://${socket}`,
  cgroupDriver: "cgroupfs",
  cgroupRoot: `${cgroup}/${nodeName(index)}`,
  failCgroupV1: false,
  failSwapOn: false,
  // Reserving parts of the machine is for machines that hold nothing else.
  enforceNodeAllocatable: [],
  // A developer's disk is often nearly full: neither images nor pods shall go because of it.
  imageGCHighThresholdPercent: 100,
  evictionHard: { "memory.available": "50Mi" },
  clusterDNS: [addresses.dns],
  clusterDomain: addresses.domain,
  resolvConf: `${node}/resolv.conf`,
  volumePluginDir: "/var/lib/kubelet/volume-plugins",
  protectKernelDefaults: true,
  seccompDefault: true,
  // A changed ConfigMap reaches the files of its pods at the next look, by default after a minute.
  syncFrequency: "1s",
  containerLogMaxSize: "5Mi",
  containerLogMaxFiles: 2,
  serializeImagePulls: false,
  enableProfilingHandler: false,
});

const proxyConfiguration = (index: number) => ({
  apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
  kind: "KubeProxyConfiguration",
  mode: "nftables",
  clientConnection: { kubeconfig: `${node}/kube-proxy.kubeconfig` },
  clusterCIDR: addresses.pods,
  hostnameOverride: nodeName(index),
  // These would change limits of the whole host.
  conntrack: { maxPerCore: 0, min: 0 },
});

/**
 * A point-to-point link a pod: two pods of a node reach each other through the node's routes, so that a Service between
 * them works without the kernel's br_netfilter, which a bridge would need.
 */
const podNetwork = (index: number) => ({
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    {
      type: "ptp",
      ipam: {
        type: "host-local",
        dataDir: "/run/cni",
        ranges: [[{ subnet: podRange(index) }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    },
    { type: "portmap", capabilities: { portMappings: true }, backend: "nftables" },
  ],
});

const containerdConfiguration = `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "${socket}"
[debug]
  level = "warn"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "${pauseImage}"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "${node}/${registriesFolder}"
[plugins.'io.containerd.cri.v1.runtime']
  # Lowering an oom_score_adj takes a capability that containers of developers' machines may lack.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["${inside.bin}"]
    conf_dir = "${node}/cni"
`;
