// How is the platform put on the local cluster? It starts nothing: it reads the kubeconfig that `npm start` made.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Layer, layer } from "../slot.ts";
import { localMirror } from "../versions.ts";
import { type Cluster, usualAudiences } from "./cluster.ts";
import { CoreDns } from "./core-dns.ts";
import { LocalPath } from "./local-path.ts";
import { MetricsServer } from "./metrics-server.ts";

/** Arguments of {@link EmbeddedCluster}. */
export interface EmbeddedClusterArgs {
  /** Path of the kubeconfig of the identity `ci`. */
  kubeconfig: string;
}

/**
 * The local cluster with what every cluster has: DNS, a default StorageClass, resource metrics.
 *
 * @example
 * const { provider } = new EmbeddedCluster("cluster", {});
 */
export class EmbeddedCluster extends pulumi.ComponentResource implements Cluster {
  readonly provider: k8s.Provider;
  readonly retainingClass: string;

  constructor(name: string, args: EmbeddedClusterArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("plumbline:index:EmbeddedCluster", name, { ...args }, opts);
    this.provider = new k8s.Provider(
      `${name}-provider`,
      {
        kubeconfig: args.kubeconfig,
        // Another port, certificate authority or folder is still the same cluster; without this, Pulumi would plan to
        // replace every object after a restart.
        clusterIdentifier: name,
        enableServerSideApply: true,
        // A change of these is an update; the default deletes them first, under the pods that read them.
        enableConfigMapMutable: true,
        enableSecretMutable: true,
      },
      { parent: this },
    );
    const placed = { parent: this, provider: this.provider };
    new CoreDns(`${name}-dns`, { mirror: localMirror }, placed);
    this.retainingClass = new LocalPath(`${name}-storage`, { mirror: localMirror }, placed).retainingClass;
    new MetricsServer(`${name}-metrics`, { mirror: localMirror }, placed);
    this.registerOutputs({});
  }

  get mirror(): string {
    return localMirror;
  }

  get audiences(): readonly string[] {
    return usualAudiences;
  }
}

const kubeconfigIn = (state: string) => join(state, "kubeconfig", "ci.yaml");

/** The kubeconfig of the local platform: of the state folder that the environment names, or of the clone around `from`. */
export const localKubeconfig = (from: string = process.cwd()): string => {
  const { PLUMBLINE_KUBECONFIG, PLUMBLINE_STATE } = process.env;
  if (PLUMBLINE_KUBECONFIG) return resolve(PLUMBLINE_KUBECONFIG);
  if (PLUMBLINE_STATE) return kubeconfigIn(resolve(PLUMBLINE_STATE));
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".plumbline"))) return kubeconfigIn(join(folder, ".plumbline"));
    if (folder === dirname(folder)) return kubeconfigIn(resolve(from, ".plumbline"));
  }
};

/** The local cluster. @throws Error at `build` where no platform was started */
export const embedded = (): Layer<"cluster"> =>
  layer({
    slot: "cluster",
    implementation: "embedded",
    needs: [],
    build: (name, _, opts) => {
      const kubeconfig = localKubeconfig();
      if (!existsSync(kubeconfig)) {
        throw new Error(
          `There is no local cluster: ${kubeconfig} does not exist. Run \`npm start\`, which starts one and makes this file.`,
        );
      }
      return new EmbeddedCluster(name, { kubeconfig }, opts);
    },
  });
