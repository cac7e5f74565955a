// The `plumbline` command: reads the arguments and runs one verb. Each verb's file is loaded only when it is asked for,
// so that `status` and `--help` stay instant. Only this file prints errors and exits.
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { exit, Failure } from "./failure.ts";

const nodes = (text: string): number => {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 8) throw new InvalidArgumentError("Allowed: 1 to 8.");
  return count;
};

const program = new Command("plumbline")
  .description("A GitOps platform as typed Pulumi components: Git is the true line, and every drift from it shows.")
  .exitOverride()
  .enablePositionalOptions()
  .showHelpAfterError("(add --help for what is allowed)")
  .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 differences or policy violations, 64 wrong usage.");

program
  .command("start")
  .description(
    "bring up the local platform, or the same platform on a cluster that exists, and deliver its apps from Git",
  )
  .option("--stack <name>", "stack under stacks/ to bring up", "local")
  .option("--nodes <count>", "nodes of the local cluster", nodes, 1)
  .option("--context <name>", "use this context of your kubeconfig instead of a local cluster")
  .option("--git <url>", "with --context: repository that the cluster can reach")
  .option("--registry <host>", "with --context: registry that holds the images, e.g. registry.example.com/mirror")
  .action(async (options) => (await import("./start.ts")).start(options));

program
  .command("stop")
  .description("end every process of the local platform and remove what it wrote outside the cache")
  .option("--keep", "keep the cluster's data and Pulumi's state for the next start", false)
  .action(async (options) => (await import("./stop.ts")).stop(options));

program
  .command("status")
  .description("what runs: processes, nodes, layers, apps with their commit and health")
  .option("--json", "as JSON, the contract in docs/status.md", false)
  .action(async (options) => (await import("./status.ts")).status(options));

program
  .command("drift")
  .description("every difference between Git, Pulumi's state and the live objects; exits 2 when there is one")
  .option("--stack <name>", "stack to check (default: the one that runs)")
  .option("--json", "as JSON", false)
  .action(async (options) => (await import("./drift.ts")).drift(options));

program
  .command("adopt")
  .description(
    "what a cluster that runs already would become under Git: changes nothing; exits 2 when Git differs from it",
  )
  .option("--context <name>", "context of your kubeconfig (default: the stack's, else the current one)")
  .option("--stack <name>", "stack whose apps are compared with what runs (default: none; what runs is told)")
  .option("--namespace <name...>", "only these namespaces (default: all that are not the cluster's own)")
  .option("--json", "as JSON", false)
  .action(async (options) => (await import("./adopt.ts")).adopt(options));

program
  .command("diff")
  .description("what another commit would change in the cluster, object by object; exits 2 when it changes anything")
  .argument("[app]", "one app; without it, all of the stack")
  .option("--stack <name>", "stack that declares it (default: the one that runs)")
  .option("--from <revision>", "commit, tag or branch to compare with (default: the commit before --to)")
  .option("--to <revision>", "commit, tag or branch (default: the one that the agent follows)")
  .option("--repository <folder>", "clone in which the revisions are looked for (default: where the app's source is)")
  .addOption(
    new Option("--output <format>", "how it is told").choices(["text", "markdown", "json", "html"]).default("text"),
  )
  .action(async (app, options) => (await import("./diff.ts")).diff(app, options));

program
  .command("lock")
  .description("write down what apps name outside of their repository: remote bases and charts, by commit and digest")
  .argument("[app]", "one app; without it, all of the stack")
  .option("--stack <name>", "stack that declares it (default: the one that runs)")
  .option("--to <revision>", "commit, tag or branch (default: the one that the agent follows)")
  .option("--repository <folder>", "clone in which the revision is looked for (default: where the app's source is)")
  .option("--check", "write nothing; exits 2 when the file is out of date", false)
  .option("--cluster [kubeconfig]", "write down what the cluster is able to, too (default: the one that runs)")
  .option("--prune", "drop what no app names any more", false)
  .action(async (app, options) => (await import("./lock.ts")).lock(app, options));

program
  .command("rollback")
  .description("take an app back to what it was before its last change, by a commit in a checkout of its repository")
  .argument("<app>", "one app of the stack")
  .option("--stack <name>", "stack that declares it (default: the one that runs)")
  .option("--repository <folder>", "checkout (default: the local platform's example checkout, else this folder)")
  .option("--to <revision>", "commit or tag whose files it gets (default: the one before its last change)")
  .option("--yes", "commit it; without this, what would change is listed", false)
  .option("--push", "push the commit as well", false)
  .action(async (app, options) => (await import("./rollback.ts")).rollback(app, options));

const fleet = program.command("fleet").description("many clusters from one file: how they are, and what they get");

fleet
  .command("status")
  .description(
    "every cluster of the fleet in one table, with its wave, commit and health; exits 1 when one is not well",
  )
  .option("--stack <file>", "file under stacks/ that declares the fleet", "fleet")
  .option("--repository <folder>", "checkout whose origin says what the waves are at (default: the fleet's URL)")
  .option("--json", "as JSON, described in docs/fleet.md", false)
  .action(async (options) => (await import("./fleet.ts")).fleetStatus(options));

fleet
  .command("rollout")
  .description("take a commit to the clusters wave by wave, by pushes; stops at the first wave that is not healthy")
  .option("--stack <file>", "file under stacks/ that declares the fleet", "fleet")
  .option("--to <revision>", "commit of the fleet's branch (default: its tip)")
  .option("--repository <folder>", "checkout of the repository of the apps, whose origin is pushed to", ".")
  .option("--yes", "do it; without this, which waves would move is listed", false)
  .action(async (options) => (await import("./fleet.ts")).fleetRollout(options));

program
  .command("promote")
  .description(
    "write a branch with which an app gets the version that it has in another stack; prints the review's text",
  )
  .argument("<app>", "one app that both stacks have")
  .requiredOption("--from <stack>", "stack whose app has the version")
  .requiredOption("--to <stack>", "stack whose app gets it")
  .option(
    "--repository <folder>",
    "clone to write in (default: the local platform's example checkout, else this folder)",
  )
  .option("--branch <name>", "branch to write (default: promote/<app>-<version>)")
  .option("--push", "push the branch as well", false)
  .option("--force", "also where the app is not healthy in --from", false)
  .option("--json", "as JSON, with title and body of the pull request", false)
  .action(async (app, options) => (await import("./promote.ts")).promote(app, options));

program
  .command("recover")
  .description(
    "make Pulumi's state anew where it was lost or damaged: the objects of the cluster are taken in as they are",
  )
  .option("--stack <name>", "stack whose state it is (default: the one that runs)")
  .option("--yes", "do it; without this, what would be taken in is told", false)
  .option("--other-commit", "although the cluster was deployed from another commit than this clone is at", false)
  .action(async (options) => (await import("./recover.ts")).recover(options));

program
  .command("destroy")
  .description("take the platform off its cluster; namespaces with volumes stay unless --delete-data is given")
  .option("--stack <name>", "stack on any cluster (default: the one that runs)")
  .option("--yes", "do it; without this, what would go and what would stay is listed", false)
  .option("--delete-data", "remove the namespaces with volumes as well", false)
  .action(async (options) => (await import("./destroy.ts")).destroy(options));

program
  .command("doctor")
  .description("programs and the machine: what is wanted, what was found and where, what is missing, the way out")
  .option("--stack <name>", "stack whose programs are looked for", "local")
  .option("--json", "as JSON", false)
  .action(async (options) => (await import("./doctor.ts")).doctor(options));

program
  .command("ci")
  .description("the pipeline that previews, applies and checks stacks: a workflow of GitHub, or a pipeline of GitLab")
  .addArgument(new Argument("<host>", "where the jobs run").choices(["github", "gitlab"]))
  .option("--stack <name...>", "stacks under stacks/ that CI applies", ["production"])
  .option("--runner <label>", "label of GitHub's runner; a private endpoint needs one in its network", "ubuntu-latest")
  .action(async (host, options) => (await import("./ci.ts")).ci(host, options));

program
  .command("gitlab")
  .description("in a job of GitLab: a file as the note of its merge request, or an issue; does nothing without a token")
  .addArgument(new Argument("<what>", "what is written").choices(["note", "issue"]))
  .requiredOption("--title <text>", "title of the issue; a note with the same one is replaced")
  .requiredOption("--file <path>", "Markdown")
  .action(async (what, options) => (await import("./gitlab.ts")).gitlab(what, options));

program
  .command("blind")
  .description("a state of Pulumi from standard input, without its secrets: for previews by whoever may not open them")
  .action(async () => (await import("./blind.ts")).blind());

program
  .command("get")
  .description("bring programs onto this machine, as start would; starts nothing")
  .option("--stack <name>", "only those of this stack; default: of every layer")
  .action(async (options) => (await import("./get.ts")).get(options));

program
  .command("logs")
  .description("the log of a program of the platform, or of an app's pods")
  .argument("[name]", "program (etcd, kube-apiserver, …) or app; without it, the names there are")
  .option("-f, --follow", "go on as lines come", false)
  .option("-n, --lines <count>", "last lines to begin with", "100")
  .action(async (name, options) => (await import("./logs.ts")).logs(name, options));

const passThrough = (name: string, description: string) =>
  program
    .command(name)
    .description(description)
    .argument("[arguments...]", "handed on as they are")
    .allowUnknownOption()
    .passThroughOptions();

passThrough("pulumi", "run the Pulumi CLI on this platform's state: plumbline pulumi preview").action(
  async (rest: string[]) => (await import("./pulumi.ts")).pulumiCommand(rest),
);
passThrough("kubectl", "run kubectl on this platform as `developer`: plumbline kubectl get pods -A").action(
  async (rest: string[]) => (await import("./kubectl.ts")).kubectl(rest),
);

program
  .command("test", { hidden: true })
  .description("all tests of this repository")
  .argument("[filters...]", "parts of the test files' names")
  .action(async (filters) => (await import("./test.ts")).test(filters));

program
  .command("bench [parts...]", { hidden: true })
  .description("the benchmarks of this repository: platform, toolchain, delivery, fleet; all without a part")
  .action(async (parts: string[]) => (await import("./bench.ts")).bench(parts));

const run = async (): Promise<number> => {
  try {
    await program.parseAsync();
    return Number(process.exitCode ?? exit.done);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    return explain(error);
  }
};

// Expected failures say what to do; a stack trace would bury that. What is not expected keeps its trace.
const explain = (error: unknown): number => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
  const known = [error, cause].find((each) => each instanceof Failure) as Failure | undefined;
  const expected =
    error instanceof Error && ("exitCode" in error || "wayOut" in error || error.name === "InvalidDeclaration");
  process.stderr.write(
    `\nplumbline: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  if (known?.wayOut) process.stderr.write(`  way out: ${known.wayOut}\n`);
  if (known) process.stderr.write(`  code: ${known.code}\n`);
  return known?.exitCode ?? (expected && "exitCode" in error ? Number(error.exitCode) : exit.failed);
};

process.exitCode = await run();
