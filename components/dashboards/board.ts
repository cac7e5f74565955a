// What is a dashboard? Rows of panels, each with its queries: typed values, checked before anything is declared.
import { z } from "zod";
import { logql } from "../logql.ts";
import { promqlProblem } from "../promql.ts";

/** One query of a panel. */
export interface PanelQueryArgs {
  /**
   * PromQL, or LogQL where the panel's source is "loki", LogsQL where it is "victorialogs". Grafana's variables may stand in it: `$namespace`, `$__rate_interval`
   * (a window for `rate`; in LogQL `$__auto`), `$__interval` (the time between two points), `$__range` (all the time shown).
   */
  expr: string;
  /** Name of each series: "{{ pod }}" is replaced by that label. Default: all labels. */
  legend?: string;
}

/** From a value on, a colour. */
export interface PanelThresholdArgs {
  /** The value, in the unit of the panel. */
  from: number;
  /** A colour of Grafana's: "red", "orange", "green". */
  color: string;
}

/** Where a click on a series leads: another dashboard, which shows what the series is about. */
export interface PanelLinkArgs {
  /** Name of that dashboard. */
  dashboard: string;
  /** Its variable that gets a value. */
  variable: string;
  /** Label of the series whose value that is. */
  label: string;
}

/** One panel. */
export interface PanelArgs {
  /** Title, unique within its dashboard. */
  title: string;
  /** What it means and what to do; behind the panel's "i". Default: nothing. */
  description?: string;
  /** "graph", "stat" (the last value, large), "table" (the last value of each series) or "logs". Default: "graph". */
  kind?: string;
  /** Who is asked: "prometheus", "loki" or "victorialogs". Default: "prometheus". */
  source?: string;
  /** Unit, by Grafana's identifier: "short", "bytes", "s", "percentunit" (0 to 1), "reqps". Default: "short". */
  unit?: string;
  /** The queries; at least one. */
  queries: PanelQueryArgs[];
  /** Colours by value, ascending; below the first the panel is green. Default: none. */
  thresholds?: PanelThresholdArgs[];
  /** Where a click on a series leads. Default: nowhere. */
  link?: PanelLinkArgs;
  /** Width in twenty-fourths of the page. Default: 12; of a stat 4, of logs 24. */
  width?: number;
  /** Height in units of about 36 pixels. Default: 8; of a stat 4, of logs 16. */
  height?: number;
}

/** Panels that belong together, under a title. */
export interface DashboardRowArgs {
  /** Title. */
  title: string;
  /** The panels, from left to right. */
  panels: PanelArgs[];
}

/** A choice at the top of a dashboard: of the values of a label with `of` and `field`, and without them any text. */
export interface DashboardVariableArgs {
  /** Name, without `$`. */
  name: string;
  /** What people read beside it. */
  label: string;
  /** Series or streams, whose values of `field` are offered: `up{job="pods"}`. Default: none. */
  of?: string;
  /** Label whose values are offered. Default: none. */
  field?: string;
  /** Who is asked: "prometheus", "loki" or "victorialogs". Default: "prometheus". */
  source?: string;
  /** Whether "All" can be chosen, which is what stands there at first; queries then say `=~"$name"`. Default: false. */
  all?: boolean;
}

/** A dashboard. */
export interface DashboardArgs {
  /** Name, unique among the dashboards: the last part of its URL, `/d/<name>`. */
  name: string;
  /** Title, as the list of dashboards shows it. */
  title: string;
  /** What it is for. Default: nothing. */
  description?: string;
  /** Folder in which Grafana shows it. Default: "Plumbline". */
  folder?: string;
  /** Choices at its top. Default: none. */
  variables?: DashboardVariableArgs[];
  /** The rows, from top to bottom. */
  rows: DashboardRowArgs[];
}

/** What panels look like. */
export const kinds = ["graph", "stat", "table", "logs"] as const;
/** Who is asked, and the variables by which dashboards choose one. */
export const sources = ["prometheus", "loki", "victorialogs"] as const;
/** The folder of the dashboards that name none. */
export const defaultFolder = "Plumbline";

/**
 * A query as it is asked while somebody looks at the dashboard: Grafana's variables have values.
 *
 * @param values by variable; those of time have a default of five minutes
 */
export const withValues = (expr: string, values: Readonly<Record<string, string>>): string =>
  expr.replace(/\$(?:\{(\w+)\}|(\w+))/g, (found, braced: string | undefined, plain: string | undefined) => {
    const name = braced ?? plain ?? "";
    return values[name] ?? (/^__(rate_interval|interval|range|auto)$/.test(name) ? "5m" : found);
  });

const oneOf = (allowed: readonly string[]) =>
  z.string().refine((word) => allowed.includes(word), allowed.map((word) => `"${word}"`).join(", "));
const text = z.string().trim().min(1, "a text");
const whole = (most: number) => z.int(`a whole number, 1 to ${most}`).min(1, `1 to ${most}`).max(most, `1 to ${most}`);
const name = z.string().regex(/^[a-z0-9][-a-z0-9]{0,39}$/, "1 to 40 of a-z, 0-9 and -");
const label = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "a label");
const variableName = z.string().regex(/^[a-z][a-z0-9_]*$/, "a name of a-z, 0-9 and _");

const panelSchema = z
  .strictObject({
    title: text,
    description: text.exactOptional(),
    kind: oneOf(kinds).exactOptional(),
    source: oneOf(sources).exactOptional(),
    unit: text.exactOptional(),
    queries: z.array(z.strictObject({ expr: text, legend: text.exactOptional() })).min(1, "at least one query"),
    thresholds: z
      .array(z.strictObject({ from: z.number("a number"), color: text }))
      .refine(
        (steps) => steps.every(({ from }, index) => from > (steps[index - 1]?.from ?? -Infinity)),
        "ascending values",
      )
      .exactOptional(),
    link: z.strictObject({ dashboard: name, variable: variableName, label }).exactOptional(),
    width: whole(24).exactOptional(),
    height: whole(40).exactOptional(),
  })
  .superRefine(({ kind, source = "prometheus", queries }, context) => {
    if (kind === "logs" && source === "prometheus") {
      const message = '"loki" or "victorialogs", where the panel shows logs';
      context.addIssue({ code: "custom", path: ["source"], message });
    }
    for (const [index, { expr }] of queries.entries()) {
      const asked = withValues(expr, {});
      const message =
        source === "loki"
          ? logql.safeParse(asked).error?.issues[0]?.message
          : // Nobody has the grammar of LogsQL but VictoriaLogs itself.
            source === "prometheus" && promqlProblem(asked);
      if (message) context.addIssue({ code: "custom", path: ["queries", index, "expr"], message });
    }
  });

/** Schema of {@link DashboardArgs}. */
export const dashboardSchema = z
  .strictObject({
    name,
    title: text,
    description: text.exactOptional(),
    folder: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9 ]{0,39}$/, "1 to 40 letters, digits and blanks")
      .exactOptional(),
    variables: z
      .array(
        z
          .strictObject({
            name: variableName,
            label: text,
            of: text.exactOptional(),
            field: label.exactOptional(),
            source: oneOf(sources).exactOptional(),
            all: z.boolean("true or false").exactOptional(),
          })
          .refine(({ of, field, all }) => (of === undefined) === (field === undefined) && (of !== undefined || !all), {
            error: '`of` and `field` together; without them any text, which has no "All"',
          }),
      )
      .exactOptional(),
    rows: z.array(z.strictObject({ title: text, panels: z.array(panelSchema).min(1, "at least one panel") })),
  })
  .superRefine(({ rows, variables = [] }, context) => {
    const titles = new Set<string>();
    const known = new Set<string>(variables.map(({ name }) => name));
    for (const [row, { panels }] of rows.entries()) {
      for (const [panel, { title, queries }] of panels.entries()) {
        const path = ["rows", row, "panels", panel];
        if (titles.has(title)) {
          context.addIssue({
            code: "custom",
            path: [...path, "title"],
            message: "a title of its own: another panel has it",
          });
        }
        titles.add(title);
        for (const [query, { expr }] of queries.entries()) {
          for (const [, name = ""] of expr.matchAll(/\$\{?([a-zA-Z]\w*)\}?/g)) {
            if (!known.has(name)) {
              const message = `only variables of this dashboard: ${[...known].join(", ") || "there are none"}`;
              context.addIssue({ code: "custom", path: [...path, "queries", query, "expr"], message });
            }
          }
        }
      }
    }
  }) satisfies z.ZodType<DashboardArgs>;
