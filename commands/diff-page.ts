// How does a person read what a commit changes? One page of HTML that needs nothing beside itself.
import escapeHtml from "escape-html";
import type { ObjectChange } from "./app-changes.ts";
import type { AppDiff } from "./diff.ts";
import { notes, shown, summary } from "./diff-report.ts";

/** A piece of the page; what is no piece is text, and becomes one by being escaped. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | readonly Html[];

const html = (fixed: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(fixed.map((each, index) => each + (index < parts.length ? written(parts[index] ?? "") : "")).join(""));

const written = (part: Part): string => {
  if (part instanceof Html) return part.text;
  return typeof part === "string" ? escapeHtml(part) : part.map(({ text }) => text).join("\n");
};

/** The page, with its last line end. It loads nothing and runs nothing, whatever stands in the repository. */
export const pageOf = (found: readonly AppDiff[]): string => {
  const differing = found.filter(({ changes }) => changes.length > 0);
  const stays = found.filter(({ changes }) => changes.length === 0).map(({ app }) => app);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>What changes</title>
<style>${new Html(style)}</style>
</head>
<body>
<h1>${differing.length > 0 ? summary(found) : "Nothing changes"}</h1>
${differing.length > 1 ? html`<nav>${differing.map(({ app }) => html`<a href="#app-${app}">${app}</a>`)}</nav>` : ""}
${differing.map(section)}
${stays.length > 0 ? html`<p class="dim">As they are: ${stays.join(", ")}</p>` : ""}
</body>
</html>
`.text;
};

const section = (each: AppDiff): Html => html`<section id="app-${each.app}">
<h2>${each.app} <small><code>${each.from.slice(0, 12)}</code> → <code>${each.to.slice(0, 12)}</code></small></h2>
${list(
  "broken",
  each.violations.map(({ place, object, message }) => [place, object, message].filter(Boolean).join(": ")),
)}
${list("note", notes(each))}
${each.changes.map(objectOf)}
</section>`;

const list = (kind: string, lines: readonly string[]): Part =>
  lines.length > 0 ? html`<ul class="${kind}">${lines.map((line) => html`<li>${line}</li>`)}</ul>` : "";

const objectOf = (change: ObjectChange): Html => {
  const head = html`<span class="${change.change}">${change.change}</span> <b>${change.object}</b>
<span class="dim">${change.place}</span>${change.restarts ? html` <span class="restarts">its pods restart</span>` : ""}`;
  const lost = list("destructive", change.destructive);
  if (change.fields.length === 0) return html`<div class="object">${head}${lost}</div>`;
  return html`<details class="object" open><summary>${head}</summary>${lost}
<table><tr><th>field</th><th>before</th><th>after</th></tr>
${change.fields.map(
  ({ field, before, after }) =>
    html`<tr><td><code>${field}</code></td><td><del>${shown(before)}</del></td><td><ins>${shown(after)}</ins></td></tr>`,
)}
</table></details>`;
};

const style = `
:root { color-scheme: light dark; --red: light-dark(#b3261e, #ff8a80); --green: light-dark(#1b6e31, #7ddc95); --amber: light-dark(#8a5a00, #ffcf70); --line: light-dark(#ddd, #444) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.2rem } h2 { font-size: 1.1rem; border-bottom: 1px solid var(--line); margin-top: 2rem }
nav a { margin-right: 1rem }
small, .dim { opacity: .7; font-weight: normal }
.object { margin: .6rem 0 } summary { cursor: pointer }
.added, .changed, .deleted, .restarts { font-size: .8rem; padding: .1rem .4rem; border: 1px solid; border-radius: .3rem }
.added, ins { color: var(--green) } .deleted, del, .destructive, .broken { color: var(--red) } .changed, .restarts, .note { color: var(--amber) }
ins, del { text-decoration: none; font-family: ui-monospace, monospace; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; margin: .4rem 0; table-layout: fixed }
th, td { text-align: left; vertical-align: top; padding: .2rem .5rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
`;
