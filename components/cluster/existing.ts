// How is the platform put on a cluster that exists? Through a kubeconfig that its owner names.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { type Cluster, usualAudiences } from "./cluster.ts";
import { requireCluster } from "./existing-checks.ts";

/** Arguments of {@link ExistingCluster}. */
export interface ExistingClusterArgs {
  /** Path of a kubeconfig file. Default: `KUBECONFIG`, then `~/.kube/config`. */
  kubeconfig?: string;
  /** Context within it. Default: its current one. */
  context?: string;
  /** Registry that holds the library's images under their own repository names. Default: the vendors' registries. */
  mirror?: string;
  /** Audiences of ServiceAccount tokens; the API server must accept one. Default: those of EKS, kubeadm, kind and k3s. */
  audiences?: string[];
  /** StorageClass with the reclaim policy Retain, in which layers keep their data. Default: they use the default class. */
  retainingClass?: string;
}

/**
 * A cluster that somebody else runs: Kubernetes 1.30 or later with DNS.
 *
 * It is asked before anything is written: for its version, what the user of the context may do, ValidatingAdmissionPolicy, a default
 * StorageClass, and layers that others have put there. What is missing is one error; what may be meant is a warning.
 *
 * @example
 * const { provider } = new ExistingCluster("cluster", { context: "kind-kind" });
 */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
  readonly provider: k8s.Provider;
  readonly mirror?: string;
  readonly audiences: string[];
  readonly retainingClass?: string;

  constructor(name: string, args: ExistingClusterArgs = {}, opts: pulumi.ComponentResourceOptions = {}) {
    super("plumbline:index:ExistingCluster", name, { ...args }, opts);
    // The provider waits for the check, and every object for the provider.
    const fit = pulumi.output(requireCluster(args));
    this.provider = new k8s.Provider(
      `${name}-provider`,
      {
        ...(args.kubeconfig && { kubeconfig: args.kubeconfig }),
        ...(args.context && { context: args.context }),
        clusterIdentifier: name,
        enableServerSideApply: fit,
        // A change of these is an update; the default deletes them first, under the pods that read them.
        enableConfigMapMutable: true,
        enableSecretMutable: true,
      },
      { parent: this },
    );
    if (args.mirror) this.mirror = args.mirror;
    if (args.retainingClass) this.retainingClass = args.retainingClass;
    this.audiences = args.audiences ?? usualAudiences;
    this.registerOutputs({});
  }
}

const schema = z.strictObject({
  kubeconfig: z.string().min(1, "the path of a kubeconfig file").exactOptional(),
  context: z.string().min(1, "the name of a context in the kubeconfig").exactOptional(),
  mirror: z
    .string()
    .regex(
      /^[a-z0-9][-a-z0-9.]*(:\d+)?(\/[-a-z0-9._]+)*$/,
      'a registry, optionally with a path: "registry.example.com/mirror"',
    )
    .exactOptional(),
  audiences: z
    .array(z.string().min(1, "an audience of ServiceAccount tokens"))
    .min(1, "at least one audience")
    .exactOptional(),
  retainingClass: z.string().min(1, "the name of a StorageClass").exactOptional(),
});

/** A cluster that exists. @throws InvalidDeclaration that names every wrong field */
export const existing = (args: ExistingClusterArgs = {}): Layer<"cluster"> => {
  refuse("existing", problemsOf(schema.safeParse(args), args, "existing"));
  return layer({
    slot: "cluster",
    implementation: "existing",
    needs: [],
    place: {
      ...(args.kubeconfig && { kubeconfig: args.kubeconfig }),
      ...(args.context && { context: args.context }),
    },
    build: (name, _, opts) => new ExistingCluster(name, args, opts),
  });
};
