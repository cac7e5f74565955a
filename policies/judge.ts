// What does the API server's CEL say about an object? A running `plumbline-cel`, asked one object at a time.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { findProgram } from "../components/delivery/find-program.ts";
import { type KubernetesObject, looksAt, type ObjectRule, policyOf, type Rule } from "./rule.ts";

/** One rule that one object breaks. */
export interface Violation {
  readonly rule: Rule;
  /** `Kind namespace/name`. */
  readonly object: string;
  /** The rule's id, the offending fields, what holds otherwise and the way out, in one line. */
  readonly message: string;
}

export interface Judge {
  /** Violations of one object, in the order of the rules. @throws Error when the object does not fit its schema */
  readonly violations: (object: KubernetesObject) => Promise<Violation[]>;
  readonly close: () => void;
}

interface Policy {
  readonly id: string;
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly { readonly expression: string; readonly messageExpression?: string }[];
}

interface Verdict {
  readonly policy: string;
  readonly verdict: "pass" | "fail" | "skip" | "error";
  readonly message?: string;
}

/** Where `plumbline-cel` is: `PLUMBLINE_CEL`, or on `PATH`. @throws Error that says how to get it */
export const celProgram = (env: NodeJS.ProcessEnv = process.env): string =>
  findProgram(
    {
      program: "plumbline-cel",
      variable: "PLUMBLINE_CEL",
      wayOut:
        "the policies are evaluated by it. Run them through `plumbline pulumi`, which builds it and names it, or build it with " +
        "`go build -o plumbline-cel ./cel` in engine/programs/kubernetes and set PLUMBLINE_CEL to its path",
    },
    env,
  );

/** Name of an object as messages show it. */
export const nameOf = ({ kind, metadata = {} }: KubernetesObject): string =>
  `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ""}${metadata.name ?? `${metadata.generateName ?? ""}*`}`;

/** Starts `plumbline-cel` with some rules. @throws Error that names rule, line and column of an expression that does not compile */
export const openJudge = async (rules: readonly Rule[], program = celProgram()): Promise<Judge> => {
  const over = rules.filter((rule): rule is ObjectRule => rule.scope === "object");
  const conversation = await converse(
    program,
    over.map((rule) => ({ id: rule.id, ...policyOf(rule) })),
  );
  return {
    violations: async (object) => {
      const looking = over.filter((rule) => looksAt(rule, object));
      if (looking.length === 0) return [];
      const verdicts = await conversation.judge(
        { object },
        looking.map(({ id }) => id),
      );
      return verdicts.flatMap(({ policy, verdict, message = "" }) => {
        const rule = looking.find(({ id }) => id === policy);
        if (!rule || verdict === "pass" || verdict === "skip") return [];
        return [{ rule, object: nameOf(object), message }];
      });
    },
    close: conversation.close,
  };
};

export interface Conversation {
  readonly judge: (review: Readonly<Record<string, unknown>>, policies?: readonly string[]) => Promise<Verdict[]>;
  readonly close: () => void;
}

/** Starts `plumbline-cel` with some policies, as the API server would read them. */
export const converse = async (program: string, policies: readonly Policy[]): Promise<Conversation> => {
  const child = spawn(program, ["judge"], { stdio: "pipe" });
  const ask = dialogue(program, child);
  const close = () => {
    child.stdin.end();
  };
  const { problems } = (await ask({ compile: policies })) as { problems: Problem[] };
  if (problems.length > 0) {
    close();
    throw new Error(
      problems
        .map((each) => `rule ${each.policy}: ${each.at}, line ${each.line}, column ${each.column}: ${each.message}`)
        .join("\n"),
    );
  }
  return {
    judge: async (review, ids) =>
      ((await ask({ judge: review, ...(ids && { policies: ids }) })) as { verdicts: Verdict[] }).verdicts,
    close,
  };
};

interface Problem {
  readonly policy: string;
  readonly at: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

// One line in, one line out, in order. An early end rejects what still waits, with what the program said last. The program
// ends with its input, so it never outlives this process.
const dialogue = (program: string, child: ChildProcessWithoutNullStreams) => {
  const waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  let ended: Error | undefined;
  let said = "";
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.stderr.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  child.stdin.on("error", () => {}); // a program that is gone is reported by its end
  child.on("error", (error) => end(new Error(`${program} did not start: ${error.message}`)));
  child.on("close", (code, signal) =>
    end(new Error(`${program} ended (${signal ?? `exit code ${code}`}): ${said.trim()}`)),
  );
  createInterface({ input: child.stdout }).on("line", (line) => {
    const next = waiting.shift();
    const answer = JSON.parse(line) as { error?: string };
    if (answer.error === undefined) next?.resolve(answer);
    else next?.reject(new Error(answer.error));
  });
  return (question: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify(question)}\n`);
    });
};
