// What does a new EKS cluster lack inside? Volumes by default, and with Auto Mode the enforcement of NetworkPolicy.
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** StorageClass whose volumes stay when their claims go. */
export const retainingClass = "gp3-retain";

/** Declares what every cluster of the platform has, through a provider in `opts`. */
export const insideCluster = (name: string, auto: boolean, opts: pulumi.ComponentResourceOptions): void => {
  const gp3 = (resource: string, metadata: k8s.types.input.meta.v1.ObjectMeta, reclaimPolicy: string) =>
    new k8s.storage.v1.StorageClass(
      resource,
      {
        metadata,
        provisioner: auto ? "ebs.csi.eks.amazonaws.com" : "ebs.csi.aws.com",
        parameters: { type: "gp3", encrypted: "true" },
        reclaimPolicy,
        allowVolumeExpansion: true,
        // A volume is of one zone: that of the pod.
        volumeBindingMode: "WaitForFirstConsumer",
      },
      opts,
    );
  const standard = { "storageclass.kubernetes.io/is-default-class": "true" };
  gp3(`${name}-gp3`, { name: "gp3", annotations: standard }, "Delete");
  gp3(`${name}-${retainingClass}`, { name: retainingClass }, "Retain");
  if (!auto) return;
  new k8s.core.v1.ConfigMap(
    `${name}-network-policy`,
    {
      metadata: { name: "amazon-vpc-cni", namespace: "kube-system" },
      data: { "enable-network-policy-controller": "true" },
    },
    opts,
  );
};
