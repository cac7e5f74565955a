// How is it told what a commit changes? As lines for a terminal, as a comment of a pull request, as JSON for a
// program, as a page for a person.
import pc from "picocolors";
import type { ObjectChange } from "./app-changes.ts";
import type { AppDiff } from "./diff.ts";
import { pageOf } from "./diff-page.ts";

/** The ways to tell it. */
export const outputs = ["text", "markdown", "json", "html"] as const;
export type Output = (typeof outputs)[number];

/** The report, with its last line end. */
export const reportOf = (found: readonly AppDiff[], output: Output): string => {
  switch (output) {
    case "json":
      return `${JSON.stringify({ apps: found }, null, 2)}\n`;
    case "markdown":
      return markdown(found);
    case "text":
      return text(found);
    case "html":
      return pageOf(found);
    default:
      return output satisfies never;
  }
};

const signs = { added: "+", changed: "~", deleted: "-" } as const;

const text = (found: readonly AppDiff[]): string => {
  const differing = found.filter(({ changes }) => changes.length > 0);
  if (differing.length === 0) return `${pc.green("✔")} Nothing changes in ${counted(found.length, "app")}.\n`;
  const lines = differing.flatMap((each) => [
    `${pc.bold(each.app)}  ${each.from.slice(0, 12)} → ${each.to.slice(0, 12)}`,
    ...each.changes.flatMap((change) => [
      `  ${signs[change.change]} ${change.object}${change.place ? pc.dim(`  ${change.place}`) : ""}${change.restarts ? pc.yellow("  its pods restart") : ""}`,
      ...change.fields.map(({ field, before, after }) => `      ${field}: ${shown(before)} → ${shown(after)}`),
      ...change.destructive.map((reason) => pc.red(`      ✖ ${reason}`)),
    ]),
    ...each.violations.map(({ place, object, message }) =>
      pc.red(`  ✖ ${[place, object, message].filter(Boolean).join(": ")}`),
    ),
    ...notes(each).map((note) => pc.yellow(`  ! ${note}`)),
  ]);
  return `${lines.join("\n")}\n\n${summary(found)}\n`;
};

const markdown = (found: readonly AppDiff[]): string => {
  const differing = found.filter(({ changes }) => changes.length > 0);
  if (differing.length === 0) return `Nothing changes in ${counted(found.length, "app")}.\n`;
  const parts = differing.map((each) =>
    [
      `### ${each.app}`,
      "",
      `\`${each.from.slice(0, 12)}\` → \`${each.to.slice(0, 12)}\``,
      "",
      "| | object | from | note |",
      "| --- | --- | --- | --- |",
      ...each.changes.map(
        (change) =>
          `| ${change.change} | ${cell(change.object)} | ${cell(change.place)} | ${remarks(change).map(cell).join("; ")} |`,
      ),
      ...fieldTable(each.changes),
      ...each.violations.map(
        ({ place, object, message }) => `- ❌ ${[place, object, message].filter(Boolean).map(cell).join(": ")}`,
      ),
      ...notes(each).map((note) => `- ⚠️ ${cell(note)}`),
    ].join("\n"),
  );
  return `**${summary(found)}**\n\n${parts.join("\n\n")}\n`;
};

const fieldTable = (changes: readonly ObjectChange[]): string[] => {
  const rows = changes.flatMap(({ object, fields }) =>
    fields.map(
      ({ field, before, after }) => `| ${[object, field, shown(before), shown(after)].map(cell).join(" | ")} |`,
    ),
  );
  if (rows.length === 0) return [""];
  return [
    "",
    `<details><summary>${counted(rows.length, "field")}</summary>`,
    "",
    "| object | field | before | after |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    "</details>",
    "",
  ];
};

const remarks = ({ restarts, destructive }: ObjectChange): string[] => [
  ...(restarts ? ["its pods restart"] : []),
  ...destructive.map((reason) => `⚠️ ${reason}`),
];

/** Text within a line or a cell of a table: what comes out of a repository is no markup of ours. */
export const cell = (value: string): string =>
  value.replace(/[\\`*_[\]<>|@#]/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll("\n", " ");

/** Places that may give something else each time, and objects of which one place counts. */
export const notes = ({ irreproducible, repeated = [] }: AppDiff): string[] => [
  ...irreproducible.map(({ file, line, uses }) => `${file}:${line}: ${uses} may give something else each time`),
  ...repeated.map(
    ({ object, places }) => `${places.at(-1)}: ${object} is also in ${places.slice(0, -1).join(", ")}; this one counts`,
  ),
];

/** A value on one line, cut where it is long. */
export const shown = (value: unknown): string => {
  if (value === undefined) return "nothing";
  const whole = JSON.stringify(value);
  return whole.length > 160 ? `${whole.slice(0, 157)}...` : whole;
};

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** "2 apps: 1 added, 3 changed, 1 deleted; pods of 1 object restart; 1 destructive; 0 rules broken". */
export const summary = (found: readonly AppDiff[]): string => {
  const changes = found.flatMap((each) => each.changes);
  const of = (kind: ObjectChange["change"]) => changes.filter(({ change }) => change === kind).length;
  const broken = found.reduce((sum, { violations }) => sum + violations.length, 0);
  return [
    `${counted(found.filter((each) => each.changes.length > 0).length, "app")}: ${of("added")} added, ${of("changed")} changed, ${of("deleted")} deleted`,
    `pods of ${counted(changes.filter(({ restarts }) => restarts).length, "object")} restart`,
    `${changes.filter(({ destructive }) => destructive.length > 0).length} destructive`,
    `${counted(broken, "rule")} broken`,
  ].join("; ");
};
