// What may a stack declare of Harbor? Its arguments, and which of them are right together.
import { z } from "zod";
import { type VendorChartArgs, vendorChart } from "../chart.ts";
import { objectName, type SecretKeyArgs, secretKey, size, volume } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import type { Problem } from "../problems.ts";
import { Size } from "../size.ts";
import {
  type HarborProjectArgs,
  type HarborProxyCacheArgs,
  projectSchema,
  proxyCacheSchema,
} from "./harbor-projects.ts";
import { type HarborStorageArgs, storageSchema } from "./harbor-storage.ts";

/** A PostgreSQL that somebody else runs: RDS, Cloud SQL, an operator's. */
export interface HarborDatabaseArgs {
  host: string;
  /** Default: 5432. */
  port?: number;
  /** Owner of the database. */
  username: string;
  /** Database, which is there already. Default: "registry". */
  database?: string;
  /** Secret with `password`. */
  secret: string;
  /** How TLS is used: "disable", "require", "verify-ca" or "verify-full". Default: "require". */
  sslMode?: string;
}

/** A Redis or Valkey that somebody else runs. It is reached without a password: the chart would write that into ConfigMaps. */
export interface HarborRedisArgs {
  /** `host:port`; of Sentinel: several, with commas. */
  address: string;
  /** Name of the set, for Sentinel. Default: no Sentinel. */
  sentinelMaster?: string;
  /** Whether it is reached by TLS. Default: false. */
  tls?: boolean;
}

/** Volumes of what runs in the cluster. */
export interface HarborVolumesArgs {
  /** Of the database. Default: "10Gi". */
  database?: string;
  /** Of Redis. Default: "1Gi". */
  redis?: string;
  /** Of Trivy: its lists of vulnerabilities. Default: "10Gi". */
  trivy?: string;
  /** StorageClass of these. Default: the one of the cluster that keeps volumes, else its default. */
  storageClass?: string;
}

/** Sign-in of people by OpenID Connect. */
export interface HarborOidcArgs {
  /** Name of the provider, as the button of the sign-in shows it. */
  name: string;
  /** Issuer: "https://sso.example.com/realms/platform". */
  endpoint: string;
  clientId: string;
  /** Holds the client's secret. */
  clientSecret: SecretKeyArgs;
  /** Scopes, with commas. Default: "openid,profile,email". */
  scope?: string;
  /** Claim with the groups of a person. Default: no groups. */
  groupsClaim?: string;
  /** Group whose members administer Harbor. Default: none. */
  adminGroup?: string;
  /** Claim with the name of a person. Default: people choose theirs when they come first. */
  userClaim?: string;
}

/** An account of a program. */
export interface HarborRobotArgs {
  /** Name, behind Harbor's prefix "robot$". */
  name: string;
  /** Projects that it may use. */
  projects: string[];
  /** Whether it may push. Default: false, it pulls. */
  push?: boolean;
  /** Days that it lives. Default: for ever. */
  days?: number;
  /** Namespace that gets its login as Secret `robot-<name>`, of type kubernetes.io/dockerconfigjson. Default: Harbor's. */
  namespace?: string;
}

/** When layers that no image uses are removed. */
export interface HarborGarbageCollectionArgs {
  /** Cron of Harbor, with seconds first, in UTC: "0 0 3 * * *". */
  schedule: string;
  /** Whether images without a tag go as well. Default: false. */
  untagged?: boolean;
}

/** Arguments of {@link Harbor}. */
export interface HarborArgs {
  /** DNS name under which it is reached, by people and by nodes. */
  host: string;
  /** Namespace; it stays when the layer leaves the stack, and so do volumes and keys. Default: "harbor". */
  namespace?: string;
  /** `single` or `ha`: two of everything; it needs a database, a Redis and a storage outside. Default: `single`. */
  size?: Size;
  /** Secret of type kubernetes.io/tls in the namespace, for the host. Default: asked of the layer for certificates. */
  certificate?: string;
  /** Default: a volume of 50Gi. */
  storage?: HarborStorageArgs;
  /** Database outside. Default: one in the cluster. */
  database?: HarborDatabaseArgs;
  /** Redis outside. Default: one in the cluster. */
  redis?: HarborRedisArgs;
  /** Volumes of what runs in the cluster. Default: see its fields. */
  volumes?: HarborVolumesArgs;
  /**
   * Secret in the namespace with the keys of an earlier Harbor, for a restored backup: it is used as it is. Default: the Secret
   * `harbor-keys`, with random keys, which is never changed afterwards.
   */
  keys?: string;
  /** Default: people have accounts in Harbor. */
  oidc?: HarborOidcArgs;
  /** Projects. Default: none beside "library", which Harbor has from the start. */
  projects?: HarborProjectArgs[];
  /** Projects that are caches of registries elsewhere. Default: none. */
  proxyCaches?: HarborProxyCacheArgs[];
  /** Accounts of programs. Default: none but the two of the platform, who pull and push everywhere. */
  robots?: HarborRobotArgs[];
  /** Default: as it is set in Harbor. */
  garbageCollection?: HarborGarbageCollectionArgs;
  /** Archive of the chart. Default: the vendor's, of the version that this library was checked with. */
  chart?: VendorChartArgs;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
}

/** What Harbor puts before the name of every robot. */
export const robotPrefix = "robot$";

/** Robots of the platform's own: who pulls for the apps, and who pushes. */
export const ownRobots = { pull: "plumbline-pull", push: "plumbline-push" } as const;

const text = z.string().trim().min(1, "a text");
const port = z.int("a port, 1 to 65535").min(1, "a port, 1 to 65535").max(65535, "a port, 1 to 65535");
const host = z
  .string()
  .regex(
    /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    'a DNS name: "harbor.example.com"',
  );
const storageClass = z.string().min(1, "name of a StorageClass").exactOptional();
const schema = z.strictObject({
  host,
  namespace: objectName.exactOptional(),
  size: size.exactOptional(),
  certificate: objectName.exactOptional(),
  storage: storageSchema.exactOptional(),
  database: z
    .strictObject({
      host: text,
      port: port.exactOptional(),
      username: text,
      database: text.exactOptional(),
      secret: z.string("name of a Secret with `password`, in the namespace of this layer").pipe(objectName),
      sslMode: z
        .enum(["disable", "require", "verify-ca", "verify-full"], '"disable", "require", "verify-ca" or "verify-full"')
        .exactOptional(),
    })
    .exactOptional(),
  redis: z
    .strictObject({
      address: z.string().regex(/^[^\s:,]+:\d+(,[^\s:,]+:\d+)*$/, '"host:port", of Sentinel several with commas'),
      sentinelMaster: text.exactOptional(),
      tls: z.boolean("true or false").exactOptional(),
    })
    .exactOptional(),
  volumes: z
    .strictObject({
      database: volume.exactOptional(),
      redis: volume.exactOptional(),
      trivy: volume.exactOptional(),
      storageClass,
    })
    .exactOptional(),
  keys: objectName.exactOptional(),
  oidc: z
    .strictObject({
      name: text,
      endpoint: z.url({ protocol: /^https$/, error: "an https URL, the issuer" }),
      clientId: text,
      clientSecret: secretKey,
      scope: z
        .string()
        .regex(/^openid(,\S+)*$/, 'scopes with commas, "openid" first')
        .exactOptional(),
      groupsClaim: text.exactOptional(),
      adminGroup: text.exactOptional(),
      userClaim: text.exactOptional(),
    })
    .refine(({ adminGroup, groupsClaim }) => adminGroup === undefined || groupsClaim !== undefined, {
      path: ["adminGroup"],
      error: "together with `groupsClaim`, where the groups of a person are",
    })
    .exactOptional(),
  projects: z.array(projectSchema).exactOptional(),
  proxyCaches: z.array(proxyCacheSchema).exactOptional(),
  robots: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, "a-z and 0-9, with single ., _ or - between them")
          .refine((name) => !Object.values<string>(ownRobots).includes(name), "a name that is not the platform's own"),
        projects: z.array(text).min(1, "at least one project"),
        push: z.boolean("true or false").exactOptional(),
        days: z.int("days, 1 or more").min(1, "days, 1 or more").exactOptional(),
        namespace: objectName.exactOptional(),
      }),
    )
    .exactOptional(),
  garbageCollection: z
    .strictObject({
      schedule: z.string().regex(/^\S+( \S+){5}$/, 'a cron of six fields, seconds first: "0 0 3 * * *"'),
      untagged: z.boolean("true or false").exactOptional(),
    })
    .exactOptional(),
  chart: vendorChart.exactOptional(),
  mirror: z.string().exactOptional(),
});

/** Everything that is wrong with the arguments. `certified`: whether a layer signs certificates. */
export const harborProblems = (args: HarborArgs, certified: boolean): Problem[] => {
  const problems = problemsOf(schema.safeParse(args), args, "");
  return problems.length > 0 ? problems : [...togetherProblems(args, certified), ...nameProblems(args)];
};

const togetherProblems = (args: HarborArgs, certified: boolean): Problem[] => {
  const problems: Problem[] = [];
  const { certificate, size: replicas, storage: kept, database, redis, oidc, projects = [] } = args;
  if (!certificate && !certified) {
    problems.push({
      field: "certificate",
      value: certificate,
      allowed: "name of a Secret with a certificate for the host, or a layer for certificates, which issues one",
    });
  }
  if (replicas === Size.Ha) {
    const outside = "for size ha, whose pods are on several nodes";
    if (!kept || kept.filesystem) {
      problems.push({ field: "storage", value: kept, allowed: `s3, gcs or azure ${outside}` });
    }
    if (!database) problems.push({ field: "database", value: database, allowed: `a database outside ${outside}` });
    if (!redis) problems.push({ field: "redis", value: redis, allowed: `a Redis outside ${outside}` });
  }
  for (const [index, { groups }] of projects.entries()) {
    if (groups && !oidc?.groupsClaim) {
      problems.push({
        field: `projects.${index}.groups`,
        value: groups,
        allowed: "only with `oidc.groupsClaim`, by which Harbor learns of groups",
      });
    }
  }
  return problems;
};

const nameProblems = ({ projects = [], proxyCaches = [], robots = [] }: HarborArgs): Problem[] => {
  const problems: Problem[] = [];
  const taken = new Set<string>();
  const once = (field: string, name: string, kind: string) => {
    if (taken.has(`${kind} ${name}`)) {
      problems.push({ field, value: name, allowed: `a name of its own among ${kind}` });
    }
    taken.add(`${kind} ${name}`);
  };
  for (const [index, { name }] of projects.entries()) once(`projects.${index}.name`, name, "projects");
  for (const [index, { name }] of proxyCaches.entries()) once(`proxyCaches.${index}.name`, name, "projects");
  // Harbor has this one from the start.
  const known = ["library", ...projects.map(({ name }) => name), ...proxyCaches.map(({ name }) => name)];
  for (const [index, { name, projects: wanted, push }] of robots.entries()) {
    once(`robots.${index}.name`, name, "robots");
    for (const [at, project] of wanted.entries()) {
      const field = `robots.${index}.projects.${at}`;
      if (!known.includes(project)) {
        problems.push({ field, value: project, allowed: `a declared project: ${known.join(", ")}` });
      } else if (push && proxyCaches.some((cache) => cache.name === project)) {
        problems.push({ field, value: project, allowed: "no cache for a robot that pushes: a cache takes no push" });
      }
    }
  }
  return problems;
};
