// What does the reviewer of a promotion read? The text of its pull request, in Markdown.
import { rules } from "../policies/rules/index.ts";
import { cell, reportOf } from "./diff-report.ts";
import type { Draft } from "./promotion.ts";

/** The text, with its last line end; the title stands elsewhere. */
export const textOfPromotion = ({ app, from, to, promotions, left, made }: Draft): string => {
  const { delivered } = from;
  const checks = [
    delivered
      ? `✅ delivered in ${from.stack} at \`${from.commit.slice(0, 12)}\` and healthy${delivered.since ? ` since ${delivered.since}` : ""}`
      : `⚠️ whether it is healthy in ${from.stack} was not asked: the versions are those of \`${from.commit.slice(0, 12)}\``,
    `✅ rendered on \`${to.commit.slice(0, 12)}\` of \`${cell(to.branch)}\` as ${to.agent} renders it; what changes is below`,
    `✅ ${rules.length} policies, none broken by what changes`,
  ];
  const approved = [
    ...(from.approvals ?? []).map(
      ({ what, by, key, at }) => `✅ the ${what} in ${from.stack} is signed by ${cell(by)} with the key ${key}, ${at}`,
    ),
    ...(to.signers
      ? [`⚠️ ${to.stack} delivers only what the key ${to.signers.join(" or ")} signed: sign what is merged`]
      : []),
  ];
  return [
    `${cell(app)} of ${from.stack} goes to ${to.stack}:`,
    "",
    "| | version | before | after | written in |",
    "| --- | --- | --- | --- | --- |",
    ...promotions.map(
      ({ what, name, before, after, places }) =>
        `| ${[what, name, before.join(", ") || "none", after, places.join(", ")].map(cell).join(" | ")} |`,
    ),
    "",
    "### Checks",
    "",
    ...checks.map((each) => `- ${each}`),
    ...(approved.length > 0 ? ["", "### Approved", "", ...approved.map((each) => `- ${each}`)] : []),
    ...(left.length > 0 ? ["", "### Left as it is", "", ...left.map((each) => `- ${cell(each)}`)] : []),
    "",
    "## What changes",
    "",
    made ? reportOf([made.diff], "markdown") : "",
  ].join("\n");
};
