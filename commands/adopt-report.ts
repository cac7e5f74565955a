// How is what `plumbline adopt` finds told on a terminal, with the lines to write and what each of them does?
import pc from "picocolors";
import { type Observation, type ObservedNamespace, writersForGit } from "./adopt.ts";
import type { AppOutcome, FieldOfBoth, Outcome } from "./adopt-compare.ts";
import { writing } from "./adopt-layers.ts";
import type { Writer } from "./adopt-live.ts";
import { table } from "./table.ts";

/** The whole report, ended by a line break. */
export const adoptReport = (found: Observation, stack: string | undefined): string =>
  [
    `${found.server}, Kubernetes ${found.version}, asked as ${found.user.username}. Nothing was changed, and adopt refuses nothing.\n`,
    ...(found.unread.length > 0
      ? [`${pc.yellow("!")} not looked at, since you may not: ${found.unread.join(", ")}\n`]
      : []),
    layersText(found),
    ...found.namespaces.map(namespaceText),
    ...found.apps.map(appText),
    nextText(found, stack),
  ].join("\n");

const layersText = ({ layers }: Observation): string =>
  layers.length === 0
    ? "No layer that this platform knows runs here yet.\n"
    : `Layers that run already: the word that takes each as it is\n${table(
        ["SLOT", "RUNS", "IN THE STACK FILE"],
        layers.map(({ slot, workload, line }) => [slot, workload, line]),
      )}`;

const states: Readonly<Record<ObservedNamespace["state"], string>> = {
  open: "anybody with rights may write",
  observed: "a write that is not Git's gets a warning",
  enforced: "Git alone writes",
};

const many = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

const namespaceText = ({ name, state, app, objects, writers }: ObservedNamespace): string => {
  const kept = Map.groupBy(
    objects.filter(({ keeper }) => keeper && !app),
    ({ keeper }) => keeper,
  );
  const refused = writers.filter((each) => !each.goesOn);
  return [
    `${pc.bold(`Namespace ${name}`)}: ${many(objects.length, "object")}; ${states[state]}${app ? `; app ${app}` : ""}`,
    ...refused.map((each) => `  ${state === "enforced" ? "is refused" : "would be refused"}  ${writerText(each)}`),
    ...(writers.length > refused.length
      ? [
          `  goes on  ${writers
            .filter((each) => each.goesOn)
            .map(({ manager }) => manager)
            .join(", ")}`,
        ]
      : []),
    ...[...kept].map(
      ([keeper, theirs]) =>
        `  kept by ${keeper}: ${theirs.map((each) => each.name).join(", ")}; stop it before Git takes these, without deleting them`,
    ),
    ...objects
      .filter(({ breaks }) => breaks.length > 0)
      .map((each) => `  breaks rules  ${each.name}: ${[...new Set(each.breaks)].join(", ")}`),
    "",
  ].join("\n");
};

const writerText = ({ manager, objects, last }: Writer): string =>
  `${manager || "(a writer without a name)"}: ${many(objects, "object")}${last ? `, last ${last}` : ""}`;

const signs: Readonly<Record<Outcome["change"], string>> = {
  "taken over as it is": pc.green("="),
  "taken over and changed": pc.yellow("≠"),
  added: pc.green("+"),
  refused: pc.red("✘"),
};

const appText = ({ app, namespace, objects, left }: AppOutcome): string =>
  [
    pc.bold(`App ${app}, into namespace ${namespace}`),
    ...objects.flatMap(({ object, place, change, fields, restarts, reason }) => [
      `  ${signs[change]} ${object}  ${change}${restarts ? `, ${pc.red("its pods are replaced")}` : ""}  ${pc.dim(place)}`,
      ...fields.map(fieldText),
      ...(reason ? [`      ${reason}`] : []),
    ]),
    ...left.map((each) => `  ? ${each}  is not in Git: it stays as it is`),
    "",
  ].join("\n");

const shown = (value: unknown): string => {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

const fieldText = ({ field, git, live, writer }: FieldOfBoth): string =>
  `      ${field}: Git ${shown(git)}, live ${shown(live)}${writer ? ` by ${writer}` : ""}`;

/** A value as TypeScript has it. */
const code = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(code).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key}: ${code(each)}`)
    .join(", ")} }`;
};

const nextText = (found: Observation, stack: string | undefined): string => {
  const { namespaces, apps, layers } = found;
  const file = `stacks/${stack ?? "NAME"}.ts`;
  const declared = new Set(apps.map(({ namespace }) => namespace));
  const ofLayers = new Set(layers.map(({ namespace }) => namespace));
  const foreign = namespaces
    .filter(({ name, app }) => !app && !declared.has(name) && !ofLayers.has(name) && name !== "default")
    .map(({ name }) => name);
  const delivered = namespaces.filter(({ app }) => app !== undefined);
  const open = delivered.filter(({ state }) => state !== "enforced").map(({ name }) => name);
  const enforced = delivered.filter(({ state }) => state === "enforced").map(({ name }) => name);
  const [first] = open.length > 0 ? open : [...declared, ...foreign].filter((name) => !enforced.includes(name));
  const steps = [
    ...foreign.map(
      (name) =>
        `app({ name: ${code(name)}, source: { path: ${code(`apps/${name}`)} } })\n      among the apps of ${file}: Git's manifests take the objects of ${name} where they stand`,
    ),
    ...apps
      .filter(({ objects }) =>
        objects.some(({ change }) => change === "taken over and changed" || change === "refused"),
      )
      .map(({ app }) => `app ${app}: write into its repository what is live, or let \`up\` change it; then look again`),
    ...apps
      .filter(({ left }) => left.length > 0)
      .map(({ app, left }) => `app ${app}: put into its repository, or delete: ${left.join(", ")}`),
    ...(first ? [enforceStep(found, file, [...enforced, first], first, open.length > 0)] : []),
  ];
  return steps.length === 0
    ? "Every namespace that was looked at is Git's.\n"
    : `Next\n${steps.map((step, index) => `  ${index + 1}. ${step}\n`).join("")}`;
};

const enforceStep = (
  found: Observation,
  file: string,
  namespaces: readonly string[],
  next: string,
  delivered: boolean,
): string =>
  [
    `enforce: ${code({ namespaces, ...writersForGit(found, writing) })}`,
    `among the settings of ${file}${delivered ? "" : `, once ${next} is delivered`}: from the next \`up\` on, every other write in ${next} is refused, and told where to make the change;`,
    `with observe: ${code([next])} instead, it gets a warning and is let through`,
  ].join("\n      ");
