// Where does the registry keep images? A volume or a bucket, and what follows for its configuration and its pods.
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import { z } from "zod";
import { type SecretKeyArgs, secretKey, url, volume } from "../check.ts";
import type { Problem } from "../problems.ts";

/** A volume of the cluster: enough for one replica. */
export interface RegistryVolumeArgs {
  /** Size, as a quantity. Default: "20Gi". */
  size?: string;
  /** StorageClass. Default: the one of the cluster that keeps volumes, else its default. */
  storageClass?: string;
}

/** A bucket of S3, or of what speaks its protocol. */
export interface RegistryS3Args {
  /** Name of the bucket. */
  bucket: string;
  /** Region: "eu-central-1". */
  region: string;
  /** URL of a service that is not AWS' own: "https://minio.example.com". Default: that of the region. */
  endpoint?: string;
  /** Folder within the bucket. Default: its root. */
  folder?: string;
  /** KMS key that encrypts: its ARN. Default: as the bucket says. */
  kmsKey?: string;
  /** ARN of the IAM role that the pods take (IRSA). Default: what they have without one, or the two keys below. */
  role?: string;
  /** Holds the access key of a user. Default: none. */
  accessKey?: SecretKeyArgs;
  /** Holds the secret key of that user. Default: none. */
  secretKey?: SecretKeyArgs;
}

/** A bucket of Google Cloud Storage. */
export interface RegistryGcsArgs {
  /** Name of the bucket. */
  bucket: string;
  /** Folder within the bucket. Default: its root. */
  folder?: string;
  /** Google service account that the pods act as (Workload Identity). Default: what they have without one. */
  serviceAccount?: string;
  /** Holds the JSON key of a service account, for clusters elsewhere. Default: none. */
  keyFile?: SecretKeyArgs;
}

/** A container of Azure Blob Storage. */
export interface RegistryAzureArgs {
  /** Name of the storage account. */
  account: string;
  /** Name of the container. */
  container: string;
  /** Folder within the container. Default: its root. */
  folder?: string;
  /** Client ID of the managed identity that the pods take (Workload Identity). Default: what they have without one. */
  clientId?: string;
  /** Holds a key of the storage account. Default: none. */
  accountKey?: SecretKeyArgs;
}

/** Where images are kept: one of the four. */
export interface RegistryStorageArgs {
  /** A volume; what is taken where nothing is said. */
  filesystem?: RegistryVolumeArgs;
  /** S3. */
  s3?: RegistryS3Args;
  /** Google Cloud Storage. */
  gcs?: RegistryGcsArgs;
  /** Azure Blob Storage. */
  azure?: RegistryAzureArgs;
  /** Whether whoever pulls fetches layers from the bucket itself, by a URL that is valid for minutes. Default: true. */
  redirect?: boolean;
}

const text = (what: string) => z.string().min(1, what);
const folder = z
  .string()
  .regex(/^[^/].*$/, "a folder within the bucket, without a leading /")
  .exactOptional();

/** What the arguments of the storage may be. */
export const storageSchema = z.strictObject({
  filesystem: z
    .strictObject({ size: volume.exactOptional(), storageClass: text("name of a StorageClass").exactOptional() })
    .exactOptional(),
  s3: z
    .strictObject({
      bucket: text("name of a bucket"),
      region: text('a region such as "eu-central-1"'),
      endpoint: url.exactOptional(),
      folder,
      kmsKey: text("ARN of a key").exactOptional(),
      role: z
        .string()
        .regex(/^arn:aws[-a-z]*:iam::\d{12}:role\/.+$/, "ARN of an IAM role")
        .exactOptional(),
      accessKey: secretKey.exactOptional(),
      secretKey: secretKey.exactOptional(),
    })
    .exactOptional(),
  gcs: z
    .strictObject({
      bucket: text("name of a bucket"),
      folder,
      serviceAccount: z.email('a service account such as "registry@project.iam.gserviceaccount.com"').exactOptional(),
      keyFile: secretKey.exactOptional(),
    })
    .exactOptional(),
  azure: z
    .strictObject({
      account: z.string().regex(/^[a-z0-9]{3,24}$/, "name of a storage account: 3 to 24 of a-z and 0-9"),
      container: text("name of a container"),
      folder,
      clientId: z.guid("client ID of a managed identity").exactOptional(),
      accountKey: secretKey.exactOptional(),
    })
    .exactOptional(),
  redirect: z.boolean("true or false").exactOptional(),
});

/** The storage with the class of its volume where it is on one and names none. */
export const classed = (storage: RegistryStorageArgs = {}, storageClass?: string): RegistryStorageArgs =>
  !storageClass || storage.s3 || storage.gcs || storage.azure
    ? storage
    : { ...storage, filesystem: { storageClass, ...storage.filesystem } };

const kinds = ["filesystem", "s3", "gcs", "azure"] as const;

/** What is wrong with a storage whose fields are right one by one. */
export const storageProblems = (storage: RegistryStorageArgs): Problem[] => {
  const named = kinds.filter((kind) => storage[kind]);
  const { s3, gcs, azure } = storage;
  const both = (field: string, one: unknown, other: unknown, allowed: string): Problem[] =>
    one && other ? [{ field: `storage.${field}`, value: one, allowed }] : [];
  return [
    ...(named.length > 1
      ? [{ field: "storage", value: named.join(" and "), allowed: `one of ${kinds.join(", ")}` }]
      : []),
    ...(storage.redirect !== undefined && !(s3 || gcs || azure)
      ? [{ field: "storage.redirect", value: storage.redirect, allowed: "only with s3, gcs or azure" }]
      : []),
    ...(Boolean(s3?.accessKey) !== Boolean(s3?.secretKey)
      ? [{ field: "storage.s3", value: s3, allowed: "accessKey and secretKey, or neither" }]
      : []),
    ...both("s3.role", s3?.role, s3?.accessKey, "a role or keys, not both"),
    ...both("gcs.serviceAccount", gcs?.serviceAccount, gcs?.keyFile, "a service account or a key file, not both"),
    ...both("azure.clientId", azure?.clientId, azure?.accountKey, "an identity or a key, not both"),
  ];
};

/** What a storage asks of the registry's configuration and pods. */
export interface Storage {
  /** The driver's name and settings, as a section of the registry's configuration. */
  readonly driver: Record<string, Record<string, unknown>>;
  readonly env: inputs.core.v1.EnvVar[];
  readonly volumes: inputs.core.v1.Volume[];
  readonly volumeMounts: inputs.core.v1.VolumeMount[];
  /** Annotations of the ServiceAccount, by which clouds give it an identity. */
  readonly annotations: Record<string, string>;
  /** Labels of the pods, likewise. */
  readonly podLabels: Record<string, string>;
  /** Port at which the bucket is reached; undefined for a volume. */
  readonly port?: number;
  /** The volume, where it is one. */
  readonly volume?: { readonly size: string; readonly className: string | undefined };
}

/** Where a volume is mounted. */
export const dataFolder = "/var/lib/registry";
const keyFolder = "/etc/distribution/storage";

const fromSecret = (name: string, { name: secret, key }: SecretKeyArgs): inputs.core.v1.EnvVar => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});
const at = (path: string | undefined) => (path ? { rootdirectory: `/${path}` } : {});

/** What follows from the arguments. */
export const storageOf = ({ filesystem, s3, gcs, azure }: RegistryStorageArgs): Storage => {
  const nothing = { env: [], volumes: [], volumeMounts: [], annotations: {}, podLabels: {} };
  if (s3) {
    const { bucket, region, endpoint, kmsKey, role, accessKey, secretKey: secret } = s3;
    return {
      ...nothing,
      driver: {
        s3: {
          bucket,
          region,
          ...at(s3.folder),
          ...(endpoint && { regionendpoint: endpoint, forcepathstyle: true }),
          ...(kmsKey && { encrypt: true, keyid: kmsKey }),
        },
      },
      // The names that AWS' own library looks for: the registry's would read the values as YAML.
      env: [
        ...(accessKey ? [fromSecret("AWS_ACCESS_KEY_ID", accessKey)] : []),
        ...(secret ? [fromSecret("AWS_SECRET_ACCESS_KEY", secret)] : []),
      ],
      annotations: role ? { "eks.amazonaws.com/role-arn": role } : {},
      port: portOf(endpoint),
    };
  }
  if (gcs) {
    const { bucket, serviceAccount, keyFile } = gcs;
    return {
      ...nothing,
      driver: { gcs: { bucket, ...at(gcs.folder), ...(keyFile && { keyfile: `${keyFolder}/${keyFile.key}` }) } },
      ...(keyFile && {
        volumes: [{ name: "storage", secret: { secretName: keyFile.name, defaultMode: 0o440 } }],
        volumeMounts: [{ name: "storage", mountPath: keyFolder, readOnly: true }],
      }),
      annotations: serviceAccount ? { "iam.gke.io/gcp-service-account": serviceAccount } : {},
      port: 443,
    };
  }
  if (azure) {
    const { account, container, clientId, accountKey } = azure;
    return {
      ...nothing,
      driver: {
        azure: {
          accountname: account,
          container,
          ...at(azure.folder),
          credentials: { type: accountKey ? "shared_key" : "default_credentials" },
        },
      },
      env: accountKey ? [fromSecret("REGISTRY_STORAGE_AZURE_ACCOUNTKEY", accountKey)] : [],
      annotations: clientId ? { "azure.workload.identity/client-id": clientId } : {},
      podLabels: clientId ? { "azure.workload.identity/use": "true" } : {},
      port: 443,
    };
  }
  return {
    ...nothing,
    driver: { filesystem: { rootdirectory: dataFolder } },
    volumeMounts: [{ name: "data", mountPath: dataFolder }],
    volume: { size: filesystem?.size ?? "20Gi", className: filesystem?.storageClass },
  };
};

/** Port of a URL, its scheme's where it names none. */
export const portOf = (address = "https://"): number => {
  const port = URL.canParse(address) ? new URL(address).port : "";
  return port ? Number(port) : address.startsWith("http:") ? 80 : 443;
};
