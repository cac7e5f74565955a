// What does a new EKS cluster lack inside? Volumes by default, and with Auto Mode the enforcement of NetworkPolicy.
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** Declares what every cluster of the platform has, through a provider in `opts`. */
export const insideCluster = (name: string, auto: boolean, opts: pulumi.ComponentResourceOptions): void => {
  new k8s.storage.v1.StorageClass(
    `${name}-gp3`,
    {
      metadata: { name: "gp3", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: auto ? "ebs.csi.eks.amazonaws.com" : "ebs.csi.aws.com",
      parameters: { type: "gp3", encrypted: "true" },
      reclaimPolicy: "Delete",
      allowVolumeExpansion: true,
      // A volume is of one zone: that of the pod.
      volumeBindingMode: "WaitForFirstConsumer",
    },
    opts,
  );
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
