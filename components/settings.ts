// What does every platform declare besides its layers, and which values are right?
import { z } from "zod";
import type { Revision } from "./agent/agent.ts";
import { findCycle } from "./cycle.ts";
import { problemsOf, revisionProblems } from "./delivery/app.ts";
import { type CredentialsSettings, credentialsProblems, credentialsSchema } from "./delivery/credentials.ts";
import type { AppDeclaration, AppsDeclaration } from "./delivery/declaration.ts";
import { type VerifyArgs, verifyProblems, verifySchema } from "./delivery/verification.ts";
import { type Enforce, enforceProblems, enforceSchema } from "./enforcement.ts";
import type { Problem } from "./problems.ts";
import type { Exemption, Layer } from "./slot.ts";

/** What every platform declares besides its layers. */
export interface Settings {
  /** Name of the platform: prefix of everything that Pulumi knows of it. Renaming it replaces everything. */
  readonly name: string;
  /** Whether only a clean checkout of the declared branch may change it. Default: false. */
  readonly protected?: boolean;
  /** The repository that holds the desired state of the apps. */
  readonly git: {
    /** URL as it is reached from inside the cluster. */
    readonly url: string;
    /** Branch that is followed. */
    readonly branch: string;
    /** How the agent gets into it. Default: everybody may read it. */
    readonly credentials?: CredentialsSettings;
    /** Who must have signed what is delivered of it. Default: nobody. */
    readonly verify?: VerifyArgs;
  };
  /** What the platform stands on. */
  readonly cluster: Layer<"cluster", never>;
  readonly apps: readonly (AppDeclaration | AppsDeclaration)[];
  /** Objects that a rule of `policies/` does not hold for, with who answers for it and until when. Default: none. */
  readonly exemptions?: readonly Exemption[];
  /** Namespaces that take changes from Git alone, on a cluster that does not refuse all others by itself. Default: none. */
  readonly enforce?: Enforce;
}

const schema = z.strictObject({
  name: z.string().regex(/^[a-z][-a-z0-9]{0,30}$/, "1 to 31 of a-z, 0-9 and -, starting with a letter"),
  protected: z.boolean("true or false").exactOptional(),
  git: z.strictObject({
    url: z.url({
      protocol: /^(https?|ssh)$/,
      error: "an http, https or ssh URL that is reached from inside the cluster",
    }),
    branch: z.string().regex(/^(?!-)[^\s~^:?*\\[]+$/, "the name of a branch"),
    credentials: credentialsSchema.exactOptional(),
    verify: verifySchema.exactOptional(),
  }),
  cluster: z.custom<Settings["cluster"]>((value) => {
    const found = value as Partial<Settings["cluster"]> | null | undefined;
    return found?.slot === "cluster" && typeof found.build === "function";
  }, "a cluster: embedded() or existing({ ... })"),
  apps: z.array(
    z.custom<AppDeclaration | AppsDeclaration>(
      (value) => ["app", "apps"].includes(String((value as AppDeclaration | undefined)?.declared)),
      "app({ ... }) or apps({ ... })",
    ),
  ),
  exemptions: z
    .array(
      z.strictObject({
        rule: z.string().regex(/^[a-z-]+$/, "the identifier of a rule, as refusals name it"),
        object: z.strictObject({
          kind: z.string().min(1, "the kind of the object"),
          namespace: z.string().min(1, "the namespace of the object"),
          name: z.string().regex(/^[^*]+\*?$/, "a name, or the start of some with a * behind it"),
        }),
        reason: z.string().trim().min(1, "why the rule cannot hold"),
        approver: z.string().trim().min(1, "who answers for it"),
        expires: z.iso.date("a day such as 2026-12-31"),
      }),
    )
    .exactOptional(),
  enforce: enforceSchema.exactOptional(),
});

/** The apps that are declared one by one. */
export const singleApps = ({ apps }: Pick<Settings, "apps">): AppDeclaration[] =>
  apps.filter((each): each is AppDeclaration => each.declared === "app");

/** A revision as a stack file writes it: a branch in one word. */
export const refOf = (revision: string | Revision): Revision =>
  typeof revision === "string" ? { branch: revision } : revision;

/** Where a source is, and how it is read. */
export interface Source {
  readonly url: string;
  readonly revision: Revision;
  /** Undefined: everybody may read it. */
  readonly credentials: CredentialsSettings | undefined;
  /** Undefined: nobody must have signed it. */
  readonly verify: VerifyArgs | undefined;
}

/** What the source of an app, or of many, comes to: the platform's own where it names none. */
export const sourceOf = (
  { git }: Pick<Settings, "git">,
  {
    repository = git.url,
    revision = git.branch,
    credentials,
    verify,
  }: {
    readonly repository?: string;
    readonly revision?: string | Revision;
    readonly credentials?: CredentialsSettings;
    readonly verify?: VerifyArgs;
  },
): Source => ({
  url: repository,
  revision: refOf(revision),
  credentials: credentials ?? (repository === git.url ? git.credentials : undefined),
  verify: verify ?? (repository === git.url ? git.verify : undefined),
});

/** Problems of what sources say of how they are read and who signs them: each repository in one way. */
const accessProblems = (settings: Settings): Problem[] => {
  const { git } = settings;
  const problems = [
    ...credentialsProblems(git.url, git.credentials, "settings.git.credentials"),
    ...(settings.apps.length > 0 ? [] : verifyProblems({ branch: git.branch }, git.verify, "settings.git.verify")),
  ];
  const said = { credentials: new Map<string, string>(), verify: new Map<string, string>() };
  said.credentials.set(git.url, JSON.stringify(git.credentials));
  said.verify.set(git.url, JSON.stringify(git.verify));
  for (const each of settings.apps) {
    const [name, given, within] = each.declared === "app" ? [each.name, each.source, ".source"] : [each.path, each, ""];
    const source = sourceOf(settings, given);
    const { url, revision, credentials, verify } = source;
    const field = `settings.apps.${name}${within}`;
    if (!said.credentials.has(url)) problems.push(...credentialsProblems(url, credentials, `${field}.credentials`));
    problems.push(...verifyProblems(revision, verify, `${field}.verify`));
    problems.push(...revisionProblems(url, revision, verify, `${field}.`));
    for (const word of ["credentials", "verify"] as const) {
      const found = JSON.stringify(source[word]);
      const known = said[word];
      if (known.has(url) && known.get(url) !== found) {
        const allowed = "for one repository the same wherever it is named, or nothing where settings.git says it";
        problems.push({ field: `${field}.${word}`, value: source[word] && Object.keys(source[word]), allowed });
      }
      known.set(url, known.get(url) ?? found);
    }
  }
  return problems;
};

/** Every problem of the settings, also where types were never checked. */
export const settingsProblems = (settings: unknown): Problem[] => {
  const problems = problemsOf(schema.safeParse(settings), settings, "settings");
  if (problems.length > 0) return problems;
  const { apps: all } = settings as Settings;
  const apps = singleApps({ apps: all });
  // Which apps a directory holds is known once Git was asked, and then asked here again.
  const whole = apps.length === all.length;
  const namespaces = new Map<string, string>();
  for (const { name, namespace = name } of apps) {
    const other = namespaces.get(namespace);
    if (other) {
      problems.push({
        field: `settings.apps.${name}.namespace`,
        value: namespace,
        allowed: `a namespace of its own: "${other}" has this one`,
      });
    }
    namespaces.set(namespace, name);
  }
  for (const { name, dependsOn } of apps) {
    for (const [index, wanted] of (dependsOn ?? []).entries()) {
      if (wanted === name || (whole && !apps.some((app) => app.name === wanted))) {
        problems.push({
          field: `settings.apps.${name}.dependsOn.${index}`,
          value: wanted,
          allowed: `another app of this platform: ${
            apps
              .map((app) => app.name)
              .filter((other) => other !== name)
              .join(", ") || "there is none"
          }`,
        });
      }
    }
  }
  const cycle = findCycle(new Map(apps.map(({ name, dependsOn = [] }) => [name, dependsOn])));
  if (cycle) {
    problems.push({
      field: `settings.apps.${cycle[0]}.dependsOn`,
      value: cycle.join(" depends on "),
      allowed: "dependencies without a cycle",
    });
  }
  const { enforce } = settings as Settings;
  if (enforce) problems.push(...enforceProblems(enforce, "settings.enforce."));
  return [...problems, ...accessProblems(settings as Settings)];
};
