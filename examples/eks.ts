// A cluster at AWS, without a platform: nodes of two kinds, and a bucket that the pods of one ServiceAccount write.
import { EksCluster } from "../components/aws.ts";

const role = (name: string) => `arn:aws:iam::123456789012:role/${name}`;

const { cloud, kubeconfig } = new EksCluster("prod", {
  region: "eu-central-1",
  account: "123456789012",
  version: "1.35",
  identities: { ci: role("ci"), ciPreview: role("ci-preview"), developers: [role("developer")] },
  network: { cidr: "10.20.0.0/16", connected: ["10.0.0.0/16"] },
  nodeGroups: [
    { name: "general", instanceTypes: ["m7i.large", "m7a.large"], min: 3, max: 9 },
    { name: "batch", instanceTypes: ["c7g.xlarge", "c8g.xlarge"], architecture: "arm64", min: 0, max: 6, spot: true },
  ],
});
cloud.identity({ namespace: "shop", serviceAccount: "shop", grants: [cloud.bucket("orders").readWrite] });

export { kubeconfig };
