// A program that installs Harbor; its arguments and the place of the chart are in `HARBOR`, JSON of its test.
import type * as k8s from "@pulumi/kubernetes";
import { Harbor, type HarborArgs } from "../../components/index.ts";

const args: HarborArgs = JSON.parse(process.env.HARBOR ?? "");

// As a platform does with all its objects: what is declared wins over who wrote it before.
const owned = { "pulumi.com/patchFieldManager": "plumbline", "pulumi.com/patchForce": "true" };

const registry = new Harbor("registry", args, {
  // Nobody runs a pod on the API server of this test.
  transform: {
    job: (job) => ({
      ...job,
      metadata: { ...job.metadata, annotations: { ...owned, "pulumi.com/skipAwait": "true" } },
    }),
  },
  transformations: [
    ({ type, props, opts }) => {
      if (!type.startsWith("kubernetes:") || type === "kubernetes:batch/v1:Job") return undefined;
      const metadata = props.metadata as k8s.types.input.meta.v1.ObjectMeta | undefined;
      return metadata
        ? { props: { ...props, metadata: { ...metadata, annotations: { ...metadata.annotations, ...owned } } }, opts }
        : undefined;
    },
  ],
});

export const { host, pushPassword } = registry;
