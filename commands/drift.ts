// `plumbline drift`: what differs between the program, Pulumi's state and the live objects, and who wrote it.
import pc from "picocolors";
import { stateFolder } from "../engine/folders.ts";
import { readCluster } from "../local/cluster-status.ts";
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";
import { type Desired, desiredObjects } from "./desired.ts";
import { differences } from "./differences.ts";
import { exit, Failure } from "./failure.ts";
import { foreignFields, type PathStep, pathText } from "./ownership.ts";
import { pulumiEnvironment, runPulumi, selectedStack } from "./pulumi.ts";
import { connectStack } from "./stack-api.ts";

/** Field manager of everything that Pulumi applies here; the components pin it on each object. */
export const owner = "plumbline";

/** One difference. */
export interface Finding {
  /** Between which two layers: the program in Git and Pulumi's state, or the state and the live object. */
  readonly layer: "program to state" | "state to live";
  /** `Deployment flux-system/source-controller`. */
  readonly object: string;
  /** `spec.replicas`; empty where the whole object differs. */
  readonly field: string;
  /** What Git says; undefined where it says nothing of the field. */
  readonly wanted: unknown;
  readonly found: unknown;
  /** Field manager that wrote it last, a claim of the writer; undefined where nothing records it. */
  readonly writer: string | undefined;
  readonly time: string | undefined;
}

export interface DriftOptions {
  /** Default: the one that runs. */
  readonly stack?: string;
  readonly json: boolean;
}

/** Prints every finding; the exit code is 2 when there is one. */
export const drift = async ({ stack: named, json }: DriftOptions): Promise<void> => {
  const state = stateFolder();
  // A stack that is named may be on any cluster.
  if (!named && !readCluster(state)) {
    throw new Failure("NOT_RUNNING", "The local platform of this clone is not running.", { wayOut: "npm start" });
  }
  const stack = named ?? (await selectedStack(state)) ?? "local";
  const env = await pulumiEnvironment(state, stack);
  const { stdout: exported } = await runPulumi(["stack", "export", "--stack", stack, "--show-secrets"], env);
  const [program, live, cloud] = await Promise.all([
    programFindings(stack, env),
    liveFindings(stack, exported),
    declaresCloud(exported) ? cloudFindings(stack, env) : [],
  ]);
  const findings = [...program, ...live, ...withoutKnown(cloud, program)];
  if (json) process.stdout.write(`${JSON.stringify({ stack, findings }, null, 2)}\n`);
  else
    process.stdout.write(
      findings.length === 0
        ? `${pc.green("✔")} No drift: every declared object is ${declaresCloud(exported) ? "at the cloud and " : ""}in the cluster as Git says.\n`
        : report(findings),
    );
  process.exitCode = findings.length === 0 ? exit.done : exit.differences;
};

interface PreviewStep {
  readonly op: string;
  readonly urn: string;
  readonly detailedDiff?: Record<string, { kind: string }> | null;
}

interface Stepped {
  readonly steps?: readonly PreviewStep[];
}

const stepsOf = (stdout: string): readonly PreviewStep[] =>
  ((JSON.parse(stdout.slice(stdout.indexOf("{"))) as Stepped).steps ?? []).filter(
    ({ op }) => !["same", "read", "refresh"].includes(op),
  );

// What the program declares and the state lacks: a commit that was not brought up yet.
const programFindings = async (stack: string, env: Record<string, string>): Promise<Finding[]> => {
  const { stdout } = await runPulumi(
    ["preview", "--stack", stack, "--json", "--non-interactive", "--refresh=false"],
    env,
  );
  return stepsOf(stdout).flatMap((step) =>
    stepFindings(step, "program to state", { wanted: `${step.op} by the next pulumi up`, found: undefined }),
  );
};

const stepFindings = (
  { urn, detailedDiff }: PreviewStep,
  layer: Finding["layer"],
  values: Pick<Finding, "wanted" | "found">,
): Finding[] => {
  const fields = Object.keys(detailedDiff ?? {});
  const object = urn.split("::").slice(2).join("::");
  return (fields.length > 0 ? fields : [""]).map((field) => ({
    layer,
    object,
    field,
    ...values,
    writer: undefined,
    time: undefined,
  }));
};

interface Typed {
  readonly type: string;
  readonly custom?: boolean;
}

const ofCloud = (type: string): boolean => !/^(kubernetes|pulumi):/.test(type);

const declaresCloud = (exported: string): boolean =>
  ((JSON.parse(exported) as { deployment?: { resources?: Typed[] } }).deployment?.resources ?? []).some(
    ({ type, custom }) => custom && ofCloud(type),
  );

// Of what is no object of the cluster nobody records who wrote it: here what the next `up` would undo is all there is. What the
// program leaves to others, as the number of nodes, is none of it.
const cloudFindings = async (stack: string, env: Record<string, string>): Promise<Finding[]> => {
  const { stdout } = await runPulumi(["preview", "--stack", stack, "--refresh", "--json", "--non-interactive"], env);
  return cloudStepFindings(stdout);
};

/** What a preview that looked at the cloud would undo there. Exported for tests. */
export const cloudStepFindings = (stdout: string): Finding[] =>
  stepsOf(stdout)
    .filter(({ urn }) => ofCloud(urn.split("::").at(-2)?.split("$").at(-1) ?? ""))
    .flatMap((step) =>
      stepFindings(step, "state to live", {
        wanted: "as the state says",
        found: step.op === "create" ? undefined : "something else",
      }),
    );

/** Findings that a look at the program alone does not explain. Exported for tests. */
export const withoutKnown = (findings: readonly Finding[], known: readonly Finding[]): Finding[] =>
  findings.filter(({ object, field }) => !known.some((other) => other.object === object && other.field === field));

const liveFindings = async (stack: string, exported: string): Promise<Finding[]> => {
  const api = await connectStack(stack, exported);
  try {
    const objects = await desiredObjects(exported, api);
    return (await Promise.all(objects.map((each) => objectFindings(api, each)))).flat();
  } finally {
    api.close();
  }
};

/** Compares one declared object with the live one: edits by a dry-run apply of the owner, additions by field ownership. */
export const objectFindings = async (api: Api, { name, object, path }: Desired): Promise<Finding[]> => {
  let live: KubernetesObject;
  try {
    live = await api.get(path);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    return [
      {
        layer: "state to live",
        object: name,
        field: "",
        wanted: "the object",
        found: undefined,
        writer: undefined,
        time: undefined,
      },
    ];
  }
  const applied = await api.send<KubernetesObject>(
    "PATCH",
    `${path}?dryRun=All&force=true&fieldManager=${owner}`,
    object,
    "application/apply-patch+yaml",
  );
  const hide =
    object.kind === "Secret"
      ? (value: unknown) => (value === undefined ? undefined : "(hidden)")
      : (value: unknown) => value;
  const edits = differences(declared(applied), declared(live)).map(({ path: field, wanted, found }): Finding => {
    const { manager, time } = lastWriter(live, field);
    return {
      layer: "state to live",
      object: name,
      field: pathText(field),
      wanted: hide(wanted),
      found: hide(found),
      writer: manager,
      time,
    };
  });
  const edited = new Set(edits.map(({ field }) => field));
  const additions = foreignFields(live, owner)
    .filter(({ path: field }) => !edited.has(pathText(field)))
    .map(
      ({ path: field, found, manager, time }): Finding => ({
        layer: "state to live",
        object: name,
        field: pathText(field),
        wanted: undefined,
        found: hide(found),
        writer: manager,
        time,
      }),
    );
  return [...edits, ...additions];
};

const declared = ({ metadata, status: _, ...rest }: KubernetesObject) => {
  const { managedFields: _1, resourceVersion: _2, generation: _3, uid: _4, creationTimestamp: _5, ...kept } = metadata;
  return { metadata: kept, ...rest };
};

const lastWriter = (live: KubernetesObject, field: readonly PathStep[]): { manager?: string; time?: string } => {
  const text = pathText(field);
  const owners = foreignFields(live, owner).filter(
    ({ path }) => text.startsWith(pathText(path)) || pathText(path).startsWith(text),
  );
  const last = owners.sort((a, b) => (b.time ?? "").localeCompare(a.time ?? ""))[0];
  return last ? { manager: last.manager, ...(last.time ? { time: last.time } : {}) } : {};
};

const shown = (value: unknown): string => {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 160 ? `${text.slice(0, 157)}...` : text;
};

const report = (findings: readonly Finding[]): string => {
  const lines = findings.map(({ layer, object, field, wanted, found, writer, time }) => {
    const by = writer ? `\n    written by ${writer}${time ? ` at ${time}` : ""}` : "";
    return `${pc.yellow("≠")} ${pc.bold(object)} ${field}  ${pc.dim(`(${layer})`)}\n    wanted ${shown(wanted)}\n    found  ${shown(found)}${by}`;
  });
  const count = `${findings.length} ${findings.length === 1 ? "difference" : "differences"}`;
  return `${lines.join("\n")}\n\n${count}. Git is the true line: \`plumbline pulumi up\` brings the cluster back onto it.\n`;
};
