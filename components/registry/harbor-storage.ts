// Where does Harbor keep images? One of four places, and what each means for the chart and for the pods.
import { z } from "zod";
import { objectName, url, volume } from "../check.ts";

/** Images on a volume of the cluster. */
export interface HarborFilesystemArgs {
  /** Size of the volume. Default: "50Gi". */
  size?: string;
  /** StorageClass of the volume. Default: the one of the cluster that keeps volumes, else its default. */
  storageClass?: string;
}

/** Images in a bucket of S3, or of what speaks as S3 does. */
export interface HarborS3Args {
  bucket: string;
  /** Region of the bucket: "eu-central-1". */
  region: string;
  /** Address, for what is not AWS: "https://minio.example.com:9000". Default: AWS. */
  endpoint?: string;
  /** Folder within the bucket. Default: its root. */
  folder?: string;
  /** ARN of the IAM role whose identity the pods have. Default: `secret` says who they are. */
  role?: string;
  /** Secret with `REGISTRY_STORAGE_S3_ACCESSKEY` and `REGISTRY_STORAGE_S3_SECRETKEY`. Default: `role` says who they are. */
  secret?: string;
}

/** Images in a bucket of Google Cloud Storage. */
export interface HarborGcsArgs {
  bucket: string;
  /** Folder within the bucket. Default: its root. */
  folder?: string;
  /** Service account of Google whose identity the pods have by workload identity. Default: `secret` says who they are. */
  serviceAccount?: string;
  /** Secret with `GCS_KEY_DATA`, the key file. Default: `serviceAccount` says who they are. */
  secret?: string;
}

/** Images in a container of Azure Blob Storage. */
export interface HarborAzureArgs {
  /** Name of the storage account. */
  account: string;
  container: string;
  /** Secret with `AZURE_STORAGE_ACCESS_KEY`. */
  secret: string;
}

/** Where images are kept: exactly one of the alternatives. */
export interface HarborStorageArgs {
  filesystem?: HarborFilesystemArgs;
  s3?: HarborS3Args;
  gcs?: HarborGcsArgs;
  azure?: HarborAzureArgs;
}

/** The storage with the class of its volume where it is on one and names none. */
export const classed = (storage: HarborStorageArgs = {}, storageClass?: string): HarborStorageArgs =>
  !storageClass || storage.s3 || storage.gcs || storage.azure
    ? storage
    : { ...storage, filesystem: { storageClass, ...storage.filesystem } };

const text = z.string().trim().min(1, "a text");
const oneOf = (other: string, given: { secret?: string }): boolean =>
  ((given as Record<string, unknown>)[other] === undefined) !== (given.secret === undefined);

/** Schema of {@link HarborStorageArgs}. */
export const storageSchema = z
  .strictObject({
    filesystem: z.strictObject({ size: volume.exactOptional(), storageClass: text.exactOptional() }).exactOptional(),
    s3: z
      .strictObject({
        bucket: text,
        region: text,
        endpoint: url.exactOptional(),
        folder: text.exactOptional(),
        role: z
          .string()
          .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/, "ARN of an IAM role")
          .exactOptional(),
        secret: objectName.exactOptional(),
      })
      .refine((given) => oneOf("role", given), {
        path: ["secret"],
        error: "one of `role` and `secret`, as whom the bucket is used",
      })
      .exactOptional(),
    gcs: z
      .strictObject({
        bucket: text,
        folder: text.exactOptional(),
        serviceAccount: z
          .string()
          .regex(/^[^\s@]+@[^\s@]+\.iam\.gserviceaccount\.com$/, "the address of a service account of Google")
          .exactOptional(),
        secret: objectName.exactOptional(),
      })
      .refine((given) => oneOf("serviceAccount", given), {
        path: ["secret"],
        error: "one of `serviceAccount` and `secret`, as whom the bucket is used",
      })
      .exactOptional(),
    azure: z.strictObject({ account: text, container: text, secret: objectName }).exactOptional(),
  })
  .refine((given) => Object.keys(given).length === 1, "exactly one of filesystem, s3, gcs and azure");

/** What follows from a storage. */
export interface HarborStorage {
  /** `persistence.imageChartStorage` of the chart. */
  readonly values: Record<string, unknown>;
  /** Annotations by which the pods get an identity at the cloud. */
  readonly annotations: Record<string, string>;
  /** Ports beside 443 that the registry's pods reach it at. */
  readonly ports: readonly number[];
  /** The volume, where it is one. */
  readonly volume?: HarborFilesystemArgs;
}

/** What a declared storage means. */
export const storageOf = ({ filesystem, s3, gcs, azure }: HarborStorageArgs): HarborStorage => {
  if (s3) {
    const { bucket, region, endpoint, folder, role, secret } = s3;
    return {
      values: {
        type: "s3",
        // What is not AWS is often an address that only the cluster reaches.
        disableredirect: endpoint !== undefined,
        s3: {
          bucket,
          region,
          ...(endpoint && { regionendpoint: endpoint, secure: endpoint.startsWith("https:") }),
          ...(folder && { rootdirectory: folder }),
          ...(secret && { existingSecret: secret }),
        },
      },
      annotations: role ? { "eks.amazonaws.com/role-arn": role } : {},
      ports: endpoint ? portsOf(endpoint) : [],
    };
  }
  if (gcs) {
    const { bucket, folder, serviceAccount, secret } = gcs;
    return {
      values: {
        type: "gcs",
        gcs: {
          bucket,
          ...(folder && { rootdirectory: folder }),
          ...(secret ? { existingSecret: secret } : { useWorkloadIdentity: true }),
        },
      },
      annotations: serviceAccount ? { "iam.gke.io/gcp-service-account": serviceAccount } : {},
      // The server that gives pods their identity.
      ports: serviceAccount ? [80, 988] : [],
    };
  }
  if (azure) {
    const { account, container, secret } = azure;
    return {
      values: { type: "azure", azure: { accountname: account, container, existingSecret: secret } },
      annotations: {},
      ports: [],
    };
  }
  return { values: { type: "filesystem" }, annotations: {}, ports: [], volume: filesystem ?? {} };
};

const portsOf = (address: string): number[] => {
  const { port, protocol } = new URL(address);
  return [Number(port) || (protocol === "http:" ? 80 : 443)].filter((each) => each !== 443);
};
