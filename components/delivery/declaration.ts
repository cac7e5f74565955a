// What may a stack file say of its apps? The schema of one app, and of many from one directory.
import { z } from "zod";
import { AppKind } from "../agent/agent.ts";
import { refuse } from "../problems.ts";
import { kindProblems, problemsOf } from "./app.ts";
import { credentialsSchema } from "./credentials.ts";
import { verifySchema } from "./verification.ts";

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "1 to 63 of a-z, 0-9 and -, as Kubernetes names are");
const host = z
  .string()
  .max(253, "a DNS name of at most 253 characters")
  .regex(
    /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    'a DNS name such as "shop.example.com"',
  );
const duration = z.string().regex(/^([0-9]+(ms|s|m|h))+$/, 'a Go duration such as "30s" or "1m30s"');
const folder = z
  .string()
  .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/, "a folder within the repository, relative and without ..");
const flag = z.boolean("true or false");
const expression = z.string().trim().min(1, "a CEL expression");
const reference = (what: string) => z.string().regex(/^(?!-)[^\s~^:?*\\[]+$/, `the name of a ${what}`);

const repository = z.url("the URL of a Git repository, or of artifacts as oci://…; unset, the platform's");
const revision = z.union(
  [
    reference("branch"),
    z.strictObject({ branch: reference("branch") }),
    z.strictObject({ tag: reference("tag") }),
    z.strictObject({ semver: z.string().trim().min(1, "a range of versions") }),
    z.strictObject({ commit: z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "a full hash") }),
    z.strictObject({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a digest as "sha256:…"') }),
  ],
  'a branch, or one of { branch }, { tag }, { semver: ">=1.2.0 <2.0.0" }, { commit: "<full hash>" } and { digest: "sha256:…" }',
);

/** What one app and many have in common. */
const common = {
  kind: z.enum(AppKind, `one of ${Object.values(AppKind).join(", ")}`).exactOptional(),
  values: z.record(z.string(), z.unknown(), "values of the chart by name").exactOptional(),
  valuesFiles: z
    .array(z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/, "a file in the folder of the chart"))
    .exactOptional(),
  images: z
    .record(
      z
        .string()
        .regex(/^[^\s:@]+(:[0-9]+\/[^\s:@]+)?$/, "the name of an image as the manifests have it, without its tag"),
      z.string().regex(/^(sha256:[0-9a-f]{64}|\w[\w.-]{0,127})$/, 'a tag, or a digest as "sha256:…"'),
    )
    .exactOptional(),
  health: z
    .array(
      z.strictObject({
        apiVersion: z.string().regex(/^[^/\s]+\/[^/\s]+$/, 'group and version, as "example.com/v1"'),
        kind: z.string().regex(/^[A-Z]\w*$/, "the kind of an object"),
        current: expression,
        inProgress: expression.exactOptional(),
        failed: expression.exactOptional(),
      }),
    )
    .exactOptional(),
  interval: duration.exactOptional(),
  timeout: duration.exactOptional(),
  prune: flag.exactOptional(),
  suspend: flag.exactOptional(),
  dependsOn: z.array(name).exactOptional(),
  model: z.enum(["pull", "push"], '"pull", by an agent, or "push", by Pulumi').exactOptional(),
};

const schema = z.strictObject({
  name,
  namespace: name.exactOptional(),
  source: z.strictObject({
    repository: repository.exactOptional(),
    credentials: credentialsSchema.exactOptional(),
    verify: verifySchema.exactOptional(),
    path: folder,
    revision: revision.exactOptional(),
  }),
  ...common,
  expose: z
    .strictObject({
      service: name,
      port: z.int("a port, 1 to 65535").min(1, "a port, 1 to 65535").max(65535, "a port, 1 to 65535"),
      host: host.exactOptional(),
      tls: flag.exactOptional(),
    })
    .exactOptional(),
  secrets: z
    .strictObject({
      serviceAccount: name,
      files: z.record(
        z.string().regex(/^[-._a-zA-Z0-9]+$/, "a file name of a-z, A-Z, 0-9, -, _ and ."),
        z.string().regex(/^[^#\s]+#[^#\s]+$/, 'where the value stands, as "<path>#<key>"'),
      ),
    })
    .exactOptional(),
});

const many = z.strictObject({
  path: z
    .string()
    .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))([^*]+\/)?\*$/, 'a folder whose folders are the apps, as "apps/*"'),
  repository: repository.exactOptional(),
  credentials: credentialsSchema.exactOptional(),
  verify: verifySchema.exactOptional(),
  revision: revision.exactOptional(),
  ...common,
});

/** An app as a stack file declares it. */
export type AppSettings = z.input<typeof schema>;

/** One checked app of a stack: data until the platform builds it. */
export interface AppDeclaration extends AppSettings {
  readonly declared: "app";
}

/** Many apps as a stack file declares them. */
export type AppsSettings = z.input<typeof many>;

/** The apps of one directory: data until Git is asked which there are. */
export interface AppsDeclaration extends AppsSettings {
  readonly declared: "apps";
}

/**
 * Declares an app in a stack file.
 *
 * @param settings `source.repository` and `source.revision` default to the Git repository and branch of the platform;
 *   `kind` to what `discover` finds in the files
 * @throws InvalidDeclaration that names every wrong field
 */
export const app = (settings: AppSettings): AppDeclaration => {
  const prefix = `apps.${String((settings as { name?: unknown } | undefined)?.name)}`;
  const problems = problemsOf(schema.safeParse(settings), settings, prefix);
  refuse("app", problems.length > 0 || !settings.kind ? problems : kindProblems(settings, `${prefix}.`));
  return { ...settings, declared: "app" };
};

/**
 * Declares an app for each folder of a directory, named after its folder, in a namespace of that name.
 *
 * Which folders there are `discover` asks Git, at the revision that the apps follow, each time that the stack is built.
 *
 * @example
 * apps({ path: "apps/*", interval: "5m" })
 * @throws InvalidDeclaration that names every wrong field
 */
export const apps = (settings: AppsSettings): AppsDeclaration => {
  const prefix = `apps.${String((settings as { path?: unknown } | undefined)?.path)}`;
  const problems = problemsOf(many.safeParse(settings), settings, prefix);
  refuse("apps", problems.length > 0 || !settings.kind ? problems : kindProblems(settings, `${prefix}.`));
  return { ...settings, declared: "apps" };
};
