// What may a stack declare of a project in Harbor, and what does it become in Harbor's API?
import { z } from "zod";
import { bytesOf, type SecretKeyArgs, secretKey, url } from "../check.ts";
import type { DesiredProject, DesiredRegistry, Fields } from "./settings-job/desired.ts";

/** Which images a rule keeps: exactly one of the five; what no rule keeps is removed. */
export interface HarborRetentionRuleArgs {
  /** Repositories of the project, with wildcards: "{web,api}-*". Default: "**", all. */
  repositories?: string;
  /** Tags, with wildcards: "v*". Default: "**", all. */
  tags?: string;
  /** Whether it is about images without a tag too. Default: true. */
  untagged?: boolean;
  /** So many that were pushed last. */
  latestPushed?: number;
  /** So many that were pulled last. */
  latestPulled?: number;
  /** Those pushed within so many days. */
  pushedWithinDays?: number;
  /** Those pulled within so many days. */
  pulledWithinDays?: number;
  /** All. */
  always?: boolean;
}

/** Which images of a project are kept, and when the others go. */
export interface HarborRetentionArgs {
  /** Cron of Harbor, with seconds first, in UTC: "0 30 2 * * *". */
  schedule: string;
  /** Up to 15 rules: an image stays that one of them keeps. */
  rules: HarborRetentionRuleArgs[];
}

/** A project: images under `<host>/<name>/`. */
export interface HarborProjectArgs {
  name: string;
  /** Whether everybody may pull. Default: false. */
  public?: boolean;
  /** Whether an image is scanned when it is pushed. Default: true. */
  scanOnPush?: boolean;
  /** Whether a list of parts (SBOM) is made when an image is pushed. Default: false. */
  sbomOnPush?: boolean;
  /** Images with a vulnerability of this severity or worse cannot be pulled: "low", "medium", "high", "critical". Default: all can. */
  blockSeverity?: string;
  /** How much it may hold: "100Gi". Default: as it is set in Harbor, for a new project without bound. */
  quota?: string;
  /** Groups of OIDC → their role: "admin", "maintainer", "developer", "guest" or "limited-guest"; groups beyond them are removed. Default: as they are in Harbor. */
  groups?: Record<string, string>;
  /** Default: as it is in Harbor, for a new project all images are kept. */
  retention?: HarborRetentionArgs;
}

/** A project that is a cache of a registry elsewhere: `<host>/<name>/library/alpine` for `docker.io/library/alpine`. */
export interface HarborProxyCacheArgs {
  /** Name of the project and of the registry in Harbor. */
  name: string;
  /** What it is: "docker-hub", "github-ghcr", "quay", "harbor", "docker-registry", "aws-ecr", "azure-acr", "google-gcr" or "jfrog-artifactory". */
  kind: string;
  /** Its URL. Default: that of Docker Hub, GHCR and Quay; needed for the others. */
  url?: string;
  /** Name at it, together with `password`. Default: nobody's. */
  username?: string;
  /** Holds the password at it. Default: nobody's. */
  password?: SecretKeyArgs;
  /** Whether everybody may pull. Default: false. */
  public?: boolean;
  /** Default: as it is in Harbor, for a new project all images are kept. */
  retention?: HarborRetentionArgs;
}

const places: Readonly<Record<string, string | undefined>> = {
  "docker-hub": "https://hub.docker.com",
  "github-ghcr": "https://ghcr.io",
  quay: "https://quay.io",
  harbor: undefined,
  "docker-registry": undefined,
  "aws-ecr": undefined,
  "azure-acr": undefined,
  "google-gcr": undefined,
  "jfrog-artifactory": undefined,
};
const severities = ["low", "medium", "high", "critical"];
const roles: Readonly<Record<string, number>> = { admin: 1, developer: 2, guest: 3, maintainer: 4, "limited-guest": 5 };
const templates = {
  latestPushed: "latestPushedK",
  latestPulled: "latestPulledN",
  pushedWithinDays: "nDaysSinceLastPush",
  pulledWithinDays: "nDaysSinceLastPull",
  always: "always",
} as const;
const kept = Object.keys(templates) as (keyof typeof templates)[];

const yesOrNo = z.boolean("true or false").exactOptional();
const choice = (allowed: readonly string[]) =>
  z.string().refine((word) => allowed.includes(word), allowed.map((word) => `"${word}"`).join(", "));
const count = z.int("a whole number, 1 or more").min(1, "a whole number, 1 or more").exactOptional();
const pattern = z.string().min(1, 'a name with wildcards: "v*"').exactOptional();
const projectName = z
  .string()
  .max(255, "at most 255 characters")
  .regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, "a-z and 0-9, with single ., _ or - between them");

const retentionSchema = z.strictObject({
  schedule: z.string().regex(/^\S+( \S+){5}$/, 'a cron of six fields, seconds first: "0 30 2 * * *"'),
  rules: z
    .array(
      z
        .strictObject({
          repositories: pattern,
          tags: pattern,
          untagged: yesOrNo,
          latestPushed: count,
          latestPulled: count,
          pushedWithinDays: count,
          pulledWithinDays: count,
          always: z.literal(true, "true").exactOptional(),
        })
        .refine(
          (rule) => kept.filter((each) => rule[each] !== undefined).length === 1,
          `exactly one of ${kept.join(", ")}`,
        ),
    )
    .min(1, "at least one rule: without any, all images would go")
    .max(15, "at most 15 rules, as Harbor takes"),
});

/** Schema of {@link HarborProjectArgs}. */
export const projectSchema = z.strictObject({
  name: projectName,
  public: yesOrNo,
  scanOnPush: yesOrNo,
  sbomOnPush: yesOrNo,
  blockSeverity: choice(severities).exactOptional(),
  quota: z
    .string()
    .refine((quantity) => bytesOf(quantity) !== undefined, 'a quantity such as "100Gi"')
    .exactOptional(),
  groups: z.record(z.string().min(1, "name of a group"), choice(Object.keys(roles))).exactOptional(),
  retention: retentionSchema.exactOptional(),
});

/** Schema of {@link HarborProxyCacheArgs}. */
export const proxyCacheSchema = z
  .strictObject({
    name: projectName,
    kind: choice(Object.keys(places)),
    url: url.exactOptional(),
    username: z.string().min(1, "a name").exactOptional(),
    password: secretKey.exactOptional(),
    public: yesOrNo,
    retention: retentionSchema.exactOptional(),
  })
  .refine((cache) => cache.url !== undefined || places[cache.kind] !== undefined || !(cache.kind in places), {
    path: ["url"],
    error: "its URL: this kind has no place of its own",
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    path: ["password"],
    error: "together with `username`",
  });

const flag = (value: boolean): string => String(value);

const retentionOf = ({ schedule, rules }: HarborRetentionArgs): Fields => ({
  algorithm: "or",
  trigger: { kind: "Schedule", settings: { cron: schedule } },
  rules: rules.map((rule) => {
    const by = kept.find((each) => rule[each] !== undefined) ?? "always";
    const bound = rule[by];
    return {
      disabled: false,
      action: "retain",
      template: templates[by],
      params: typeof bound === "number" ? { [templates[by]]: bound } : {},
      tag_selectors: [
        {
          kind: "doublestar",
          decoration: "matches",
          pattern: rule.tags ?? "**",
          extras: JSON.stringify({ untagged: rule.untagged ?? true }),
        },
      ],
      scope_selectors: {
        repository: [{ kind: "doublestar", decoration: "repoMatches", pattern: rule.repositories ?? "**" }],
      },
    };
  }),
});

/** A project as the settings' Job is told of it. */
export const desiredProject = (project: HarborProjectArgs): DesiredProject => {
  const { name, scanOnPush = true, sbomOnPush = false, blockSeverity, quota, groups, retention } = project;
  return {
    name,
    metadata: {
      public: flag(project.public ?? false),
      auto_scan: flag(scanOnPush),
      auto_sbom_generation: flag(sbomOnPush),
      prevent_vul: flag(blockSeverity !== undefined),
      ...(blockSeverity && { severity: blockSeverity }),
    },
    ...(quota && { quota: bytesOf(quota) ?? -1 }),
    ...(groups && {
      groups: Object.fromEntries(Object.entries(groups).map(([group, role]) => [group, roles[role] ?? 0])),
    }),
    ...(retention && { retention: retentionOf(retention) }),
  };
};

/** A cache as the settings' Job is told of it: a registry, and a project of it. `file`: where its password is. */
export const desiredCache = (
  cache: HarborProxyCacheArgs,
  file: string | undefined,
): { registry: DesiredRegistry; project: DesiredProject } => {
  const { name, kind, username, retention } = cache;
  return {
    registry: {
      name,
      type: kind,
      url: cache.url ?? places[kind] ?? "",
      ...(username && file && { username, password: file }),
    },
    project: {
      name,
      registry: name,
      metadata: { public: flag(cache.public ?? false) },
      ...(retention && { retention: retentionOf(retention) }),
    },
  };
};
