// How do declared settings get into Harbor? As a file for a Job that runs on Node, anew whenever they change.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import type { SecretKeyArgs } from "../check.ts";
import { image } from "../versions.ts";
import { labels, restrictedContainer, restrictedPod } from "../workload.ts";
import { type HarborArgs, type HarborOidcArgs, type HarborRobotArgs, ownRobots, robotPrefix } from "./harbor-args.ts";
import { keysName, robotSecret } from "./harbor-keys.ts";
import { desiredCache, desiredProject } from "./harbor-projects.ts";
import { chartNames } from "./harbor-values.ts";
import type { DesiredRobot, DesiredSettings, Fields } from "./settings-job/desired.ts";

/** Name of the Job's objects, and of its pods. */
export const jobProgram = "harbor-settings";
/** Seconds that Harbor may need until it is healthy: the first start brings its database into being. */
const patience = 600;
/** Seconds after which the Job is given up, its repetitions included. */
const deadline = 1800;

/** Where the Job finds a password: file below its folder of secrets → key of a Secret. */
export type SecretFiles = Readonly<Record<string, SecretKeyArgs>>;

/** What the Job is told, and the passwords that it reads. */
export interface SettingsJob {
  readonly settings: DesiredSettings;
  readonly files: SecretFiles;
}

const pulls: readonly string[] = ["pull"];
const pushes: readonly string[] = ["pull", "push"];

const robot = (name: string, projects: readonly string[], actions: readonly string[], days = -1): DesiredRobot => ({
  name,
  duration: days,
  permissions: projects.map((namespace) => ({
    kind: "project",
    namespace,
    access: actions.map((action) => ({ resource: "repository", action })),
  })),
  password: `robot-${name}`,
});

const configurationOf = (oidc: HarborOidcArgs | undefined): Fields => ({
  // Whoever signs in could make projects that no stack declares.
  project_creation_restriction: "adminonly",
  self_registration: false,
  robot_name_prefix: robotPrefix,
  ...(oidc && {
    auth_mode: "oidc_auth",
    oidc_name: oidc.name,
    oidc_endpoint: oidc.endpoint,
    oidc_client_id: oidc.clientId,
    oidc_scope: oidc.scope ?? "openid,profile,email",
    oidc_groups_claim: oidc.groupsClaim ?? "",
    oidc_admin_group: oidc.adminGroup ?? "",
    oidc_user_claim: oidc.userClaim ?? "",
    oidc_auto_onboard: oidc.userClaim !== undefined,
    oidc_verify_cert: true,
  }),
});

/** What the settings' Job is told. @param keys Secret with the keys @param url of Harbor's core */
export const settingsOf = (args: HarborArgs, keys: string, url = `http://${chartNames.core}`): SettingsJob => {
  const { oidc, projects = [], proxyCaches = [], robots = [], garbageCollection } = args;
  const caches = proxyCaches.map((cache) => desiredCache(cache, cache.password && `registry-${cache.name}`));
  const accounts = [
    robot(ownRobots.pull, ["*"], pulls),
    robot(ownRobots.push, ["*"], pushes),
    ...robots.map((each: HarborRobotArgs) => robot(each.name, each.projects, each.push ? pushes : pulls, each.days)),
  ];
  return {
    settings: {
      url,
      patience,
      admin: "admin",
      configuration: configurationOf(oidc),
      hidden: oidc ? { oidc_client_secret: "oidc" } : {},
      registries: caches.map(({ registry }) => registry),
      projects: [...projects.map(desiredProject), ...caches.map(({ project }) => project)],
      robots: accounts,
      ...(garbageCollection && {
        garbageCollection: {
          schedule: { type: "Custom", cron: garbageCollection.schedule },
          parameters: { delete_untagged: garbageCollection.untagged ?? false, dry_run: false },
        },
      }),
    },
    files: {
      admin: { name: keys, key: keysName.admin },
      ...(oidc && { oidc: oidc.clientSecret }),
      ...Object.fromEntries(
        proxyCaches.flatMap(({ name, password }) => (password ? [[`registry-${name}`, password]] : [])),
      ),
      ...Object.fromEntries(
        accounts.map(({ name, password }) => [password, { name: robotSecret(name), key: "password" }]),
      ),
    },
  };
};

// As they stand beside this file: TypeScript here, JavaScript in the published package. Node runs both.
const form = extname(import.meta.url);
/** First file of the Job's program. */
export const jobMain = fileURLToPath(new URL(`./settings-job/main${form}`, import.meta.url));

const program = (): Record<string, string> => ({
  "package.json": JSON.stringify({ type: "module" }),
  ...Object.fromEntries(
    ["main", "run", "apply", "api"].map((file) => [
      `${file}${form}`,
      readFileSync(new URL(`./settings-job/${file}${form}`, import.meta.url), "utf8"),
    ]),
  ),
});

/**
 * Declares the Job. It counts as made once it has ended well; other settings or another program make it another Job.
 *
 * @param transform changes the Job before it is declared
 */
export const declareSettingsJob = (
  name: string,
  { settings, files }: SettingsJob,
  { namespace, mirror, transform = (job) => job }: JobPlace,
  opts: pulumi.ComponentResourceOptions,
): k8s.batch.v1.Job => {
  const data = { ...program(), "settings.json": JSON.stringify(settings, undefined, 2) };
  const print = createHash("sha256")
    .update(JSON.stringify([data, files]))
    .digest("hex")
    .slice(0, 10);
  const metadata = { name: `${jobProgram}-${print}`, namespace, labels: labels(jobProgram) };
  const told = new k8s.core.v1.ConfigMap(`${name}-settings`, { metadata, data }, opts);
  const account = new k8s.core.v1.ServiceAccount(
    `${name}-settings`,
    {
      metadata: { name: jobProgram, namespace, labels: labels(jobProgram) },
      automountServiceAccountToken: false,
    },
    opts,
  );
  const sources: inputs.core.v1.VolumeProjection[] = Object.entries(files).map(([path, { name: secret, key }]) => ({
    secret: { name: secret, items: [{ key, path }] },
  }));
  return new k8s.batch.v1.Job(
    `${name}-settings`,
    transform({
      metadata,
      spec: {
        backoffLimit: 4,
        activeDeadlineSeconds: deadline,
        template: {
          metadata: { labels: labels(jobProgram) },
          spec: {
            serviceAccountName: account.metadata.name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            restartPolicy: "Never",
            securityContext: restrictedPod,
            containers: [
              {
                name: jobProgram,
                image: image("node", mirror),
                imagePullPolicy: "IfNotPresent",
                command: ["node", `/settings/main${form}`, "/settings/settings.json", "/secrets"],
                resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { cpu: "500m", memory: "192Mi" } },
                securityContext: restrictedContainer,
                volumeMounts: [
                  { name: "settings", mountPath: "/settings", readOnly: true },
                  { name: "secrets", mountPath: "/secrets", readOnly: true },
                ],
              },
            ],
            volumes: [
              { name: "settings", configMap: { name: told.metadata.name } },
              { name: "secrets", projected: { sources, defaultMode: 0o440 } },
            ],
          },
        },
      },
    }),
    { ...opts, customTimeouts: { create: `${deadline + 60}s` } },
  );
};

/** Where the Job runs. */
export interface JobPlace {
  readonly namespace: string;
  readonly mirror: string | undefined;
  readonly transform: ((args: k8s.batch.v1.JobArgs) => k8s.batch.v1.JobArgs) | undefined;
}
