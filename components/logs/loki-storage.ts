// Where does Loki keep its chunks? A volume of its own, or a bucket: S3 and what speaks like it, Google Cloud, Azure.
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import { z } from "zod";
import { objectName, type SecretKeyArgs, secretKey, url } from "../check.ts";

/** A bucket of Amazon S3, or of a store that speaks its protocol. */
export interface LokiS3Args {
  /** Name of the bucket; it is not made. */
  bucket: string;
  /** AWS region: "eu-central-1". */
  region: string;
  /** URL of another store. Default: Amazon's. */
  endpoint?: string;
  /** Whether the bucket is named in the path, as MinIO wants it. Default: false. */
  pathStyle?: boolean;
  /** Secret with the keys `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. Default: none, the pod's identity counts. */
  credentials?: string;
}

/** A bucket of Google Cloud Storage. */
export interface LokiGcsArgs {
  /** Name of the bucket; it is not made. */
  bucket: string;
  /** Holds the key file of a service account. Default: none, the pod's identity counts. */
  key?: SecretKeyArgs;
}

/** A container of Azure Blob Storage. */
export interface LokiAzureArgs {
  /** Name of the storage account. */
  account: string;
  /** Name of the container; it is not made. */
  container: string;
  /** Holds the key of the account. Default: none, the pod's identity (a federated token) counts. */
  key?: SecretKeyArgs;
}

/** A bucket: exactly one of `s3`, `gcs` and `azure`. */
export interface LokiBucketArgs {
  /** Amazon S3, or what speaks like it. */
  s3?: LokiS3Args;
  /** Google Cloud Storage. */
  gcs?: LokiGcsArgs;
  /** Azure Blob Storage. */
  azure?: LokiAzureArgs;
  /** Annotations of the ServiceAccount by which the cloud knows the pods: `{ "eks.amazonaws.com/role-arn": … }`. Default: none. */
  identity?: Record<string, string>;
}

const word = (what: string) => z.string().regex(/^\S+$/, what);
const kinds = ["s3", "gcs", "azure"] as const;

export const bucketSchema = z
  .strictObject({
    s3: z
      .strictObject({
        bucket: word("the name of a bucket"),
        region: word("a region such as eu-central-1"),
        endpoint: url.exactOptional(),
        pathStyle: z.boolean("true or false").exactOptional(),
        credentials: objectName.exactOptional(),
      })
      .exactOptional(),
    gcs: z.strictObject({ bucket: word("the name of a bucket"), key: secretKey.exactOptional() }).exactOptional(),
    azure: z
      .strictObject({
        account: word("the name of a storage account"),
        container: word("the name of a container"),
        key: secretKey.exactOptional(),
      })
      .exactOptional(),
    identity: z.record(z.string(), z.string("a text")).exactOptional(),
  })
  .refine((bucket) => kinds.filter((kind) => bucket[kind]).length === 1, `exactly one of ${kinds.join(", ")}`);

/** A store as Loki's configuration has it, and what its pods need for it. */
export interface Store {
  /** Name by which schema and compactor refer to it. */
  readonly type: "filesystem" | "s3" | "gcs" | "azure";
  readonly config: Record<string, unknown>;
  readonly env: inputs.core.v1.EnvVar[];
  readonly volumes: inputs.core.v1.Volume[];
  readonly volumeMounts: inputs.core.v1.VolumeMount[];
  /** Port at which it is reached, where that is not 443. */
  readonly port?: number;
  /** Annotations of the ServiceAccount. */
  readonly identity: Record<string, string>;
}

const keyFolder = "/etc/loki/key";
const fromSecret = (name: string, secret: SecretKeyArgs): inputs.core.v1.EnvVar => ({
  name,
  valueFrom: { secretKeyRef: { name: secret.name, key: secret.key } },
});

/** The store of these arguments; without a bucket, the volume. */
export const storeOf = ({ s3, gcs, azure, identity = {} }: LokiBucketArgs = {}): Store => {
  const none = { env: [], volumes: [], volumeMounts: [], identity };
  if (s3) {
    const endpoint = s3.endpoint ? new URL(s3.endpoint) : undefined;
    const port = endpoint && (Number(endpoint.port) || (endpoint.protocol === "http:" ? 80 : 443));
    return {
      ...none,
      type: "s3",
      config: {
        bucketnames: s3.bucket,
        region: s3.region,
        ...(endpoint && { endpoint: endpoint.host, insecure: endpoint.protocol === "http:" }),
        ...(s3.pathStyle !== undefined && { s3forcepathstyle: s3.pathStyle }),
      },
      // Amazon's library finds these names by itself: no key stands in the configuration.
      env: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].flatMap((key) =>
        s3.credentials ? [fromSecret(key, { name: s3.credentials, key })] : [],
      ),
      ...(port && port !== 443 && { port }),
    };
  }
  if (gcs) {
    const config = { bucket_name: gcs.bucket };
    if (!gcs.key) return { ...none, type: "gcs", config };
    return {
      ...none,
      type: "gcs",
      config,
      env: [{ name: "GOOGLE_APPLICATION_CREDENTIALS", value: `${keyFolder}/key.json` }],
      volumes: [
        {
          name: "key",
          secret: {
            secretName: gcs.key.name,
            items: [{ key: gcs.key.key, path: "key.json" }],
            defaultMode: 0o440,
          },
        },
      ],
      volumeMounts: [{ name: "key", mountPath: keyFolder, readOnly: true }],
    };
  }
  if (azure) {
    const config = { account_name: azure.account, container_name: azure.container };
    return azure.key
      ? {
          ...none,
          type: "azure",
          // biome-ignore lint/suspicious/noTemplateCurlyInString: Loki replaces it by the variable
          config: { ...config, account_key: "${AZURE_ACCOUNT_KEY}" },
          env: [fromSecret("AZURE_ACCOUNT_KEY", azure.key)],
        }
      : { ...none, type: "azure", config: { ...config, use_federated_token: true } };
  }
  return {
    ...none,
    type: "filesystem",
    config: { chunks_directory: "/var/loki/chunks", rules_directory: "/var/loki/rules" },
  };
};
