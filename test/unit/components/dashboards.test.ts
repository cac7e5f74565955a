import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as units from "@grafana/grafana-foundation-sdk/units";
import { type DashboardArgs, dashboardSchema, withValues } from "../../../components/dashboards/board.ts";
import { boardProblems, boardsFor, defaultBoards } from "../../../components/dashboards/default-boards.ts";
import { dashboardModel, tag } from "../../../components/dashboards/model.ts";
import { problemsOf } from "../../../components/delivery/app.ts";
import { golden } from "../../golden.ts";

interface Shown {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string; readonly refId: string }[];
}

/** What a person sees of a dashboard, in a form that a person reads. */
const seen = (board: DashboardArgs) => {
  const { title, description, templating, panels } = dashboardModel(board);
  return {
    title,
    description,
    choices: templating.list?.map(({ label, query }) => `${label}: ${JSON.stringify(query)}`),
    panels: (panels as unknown as Shown[]).map(({ type, title: of, gridPos: { x, y, w, h }, fieldConfig, targets }) =>
      type === "row"
        ? `${y}: ${of}`
        : {
            [`${of} (${type}, ${fieldConfig?.defaults.unit})`]: [
              `at ${x},${y}, ${w} wide, ${h} high`,
              ...(targets ?? []).map(({ expr, legendFormat = "" }) => `${legendFormat} ← ${expr}`.trim()),
            ],
          },
    ),
  };
};

for (const board of defaultBoards) {
  describe(`the dashboard ${board.title}`, () => {
    const model = dashboardModel(board);
    const panels = model.panels as unknown as Shown[];
    const known = new Set<unknown>(Object.values(units));

    test("looks as it was reviewed", () => golden(`dashboard-${board.name}`, seen(board)));
    test("is a dashboard as those of a stack must be", () =>
      assert.deepEqual(problemsOf(dashboardSchema.safeParse(board), board, board.name), []));
    test("has no panel over another one or beside the page", () => {
      const cells = new Map<string, string>();
      for (const { title, gridPos } of panels) {
        assert.ok(gridPos.x + gridPos.w <= 24, title);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            assert.equal(cells.get(`${x},${y}`), undefined, `${title} lies over ${cells.get(`${x},${y}`)}`);
            cells.set(`${x},${y}`, title);
          }
        }
      }
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    });
    test("has units that Grafana knows, and a unit wherever it is no plain number", () => {
      for (const { title, fieldConfig } of panels) {
        if (fieldConfig) assert.ok(known.has(fieldConfig.defaults.unit), `${title}: ${fieldConfig.defaults.unit}`);
      }
    });
    test("names in each legend only labels that the query leaves", () => {
      for (const { title, targets = [] } of panels) {
        for (const { expr, legendFormat = "" } of targets) {
          for (const [, label = ""] of legendFormat.matchAll(/\{\{ (\w+) \}\}/g))
            assert.match(expr, new RegExp(`by \\([^)]*\\b${label}\\b[^)]*\\)`), `${title}: ${label}`);
        }
      }
    });
    test("is found under its own address, links to the others, and is not changed in the browser", () => {
      assert.equal(model.uid, board.name);
      assert.deepEqual(model.tags, [tag]);
      assert.deepEqual(
        model.links?.map(({ type, tags, includeVars }) => ({ type, tags, includeVars })),
        [{ type: "dashboards", tags: [tag], includeVars: true }],
      );
      assert.equal(model.editable, false);
    });
    test("asks each source through the choice at its top", () => {
      const choices = new Set(model.templating.list?.map(({ name }) => name));
      const asked = JSON.stringify(panels).matchAll(/"uid":"\$\{(\w+)\}"/g);
      for (const [, source = ""] of asked) assert.ok(choices.has(source), source);
    });
  });
}

test("a link of a panel leads to a dashboard that has the variable it gives a value", () => {
  const links = defaultBoards.flatMap(({ rows }) =>
    rows.flatMap(({ panels }) => panels.flatMap(({ link }) => link ?? [])),
  );
  assert.ok(links.length > 0);
  for (const { dashboard, variable } of links) {
    const target = defaultBoards.find(({ name }) => name === dashboard);
    assert.ok(
      target?.variables?.some(({ name }) => name === variable),
      `${dashboard} ${variable}`,
    );
  }
});

test("the dashboard of logs asks in the language of whoever keeps them", () => {
  const of = (logs: "logql" | "logsql") => boardsFor({ logs }).map(({ name }) => name);
  assert.deepEqual(of("logql"), ["plumbline-platform", "plumbline-app", "plumbline-logs", "plumbline-gitops"]);
  assert.deepEqual(of("logsql"), ["plumbline-platform", "plumbline-app", "plumbline-logsql", "plumbline-gitops"]);
});

test("Grafana asks VictoriaLogs by the plug-in of its vendor: figures over time, or lines", () => {
  const board = defaultBoards.find(({ name }) => name === "plumbline-logsql") ?? assert.fail("no such dashboard");
  const panels = dashboardModel(board).panels as unknown as {
    type: string;
    targets?: { queryType: string; datasource: { type: string; uid: string } }[];
  }[];
  for (const { type, targets = [] } of panels)
    for (const { queryType, datasource } of targets) {
      assert.deepEqual(datasource, { type: "victoriametrics-logs-datasource", uid: `\${victorialogs}` });
      assert.equal(queryType, type === "logs" ? "instant" : "statsRange");
    }
});

test("without logs there is no dashboard of logs", () => {
  assert.deepEqual(
    boardsFor({ logs: undefined }).map(({ title }) => title),
    ["Platform", "App", "GitOps"],
  );
});

const panel = { title: "Orders", queries: [{ expr: 'sum(rate(orders_total{shop="$shop"}[$__rate_interval]))' }] };
const shop: DashboardArgs = {
  name: "shop",
  title: "Shop",
  folder: "Shops",
  variables: [{ name: "shop", label: "Shop", of: "orders_total", field: "shop" }],
  rows: [{ title: "Orders", panels: [panel] }],
};
const problems = (board: unknown) =>
  problemsOf(dashboardSchema.safeParse(board), board, "").map(({ field, allowed }) => `${field}: ${allowed}`);

describe("a dashboard of a stack", () => {
  test("is taken as it is", () => assert.deepEqual(problems(shop), []));
  test("tells everything that is wrong at once", () => {
    const wrong = {
      ...shop,
      name: "Shop!",
      rows: [
        {
          title: "Orders",
          panels: [
            { ...panel, kind: "pie", width: 25 },
            { title: "Broken", queries: [{ expr: "rate(orders_total[$__rate_interval)" }] },
            { title: "Unknown choice", queries: [{ expr: 'orders_total{shop="$store"}' }] },
            { title: "Lines", kind: "logs", queries: [{ expr: "up" }] },
            { title: "Broken lines", kind: "logs", source: "loki", queries: [{ expr: '{app="shop"} |~ ' }] },
            {
              ...panel,
              thresholds: [
                { from: 2, color: "red" },
                { from: 1, color: "orange" },
              ],
            },
          ],
        },
      ],
    };
    assert.deepEqual(
      problems(wrong).map((each) => each.split(":")[0]),
      [
        "name",
        "rows.0.panels.0.kind",
        "rows.0.panels.0.width",
        "rows.0.panels.1.queries.0.expr",
        "rows.0.panels.3.source",
        "rows.0.panels.4.queries.0.expr",
        "rows.0.panels.5.thresholds",
        "rows.0.panels.2.queries.0.expr",
        "rows.0.panels.5.title",
      ],
    );
    const twice = { ...shop, rows: [{ title: "Orders", panels: [panel, panel, wrong.rows[0]?.panels[2]] }] };
    assert.deepEqual(problems(twice), [
      "rows.0.panels.1.title: a title of its own: another panel has it",
      "rows.0.panels.2.queries.0.expr: only variables of this dashboard: shop",
    ]);
  });
  test("has a name of its own, links that lead somewhere, and no logs where there are none", () => {
    const away = { dashboard: "nowhere", variable: "shop", label: "shop" };
    const lines = { title: "Lines", kind: "logs", source: "loki", queries: [{ expr: '{app="shop"}' }] };
    const own = [
      { ...shop, name: "plumbline-app" },
      { ...shop, rows: [{ title: "Orders", panels: [{ ...panel, link: away }] }] },
      { ...shop, rows: [{ title: "Lines", panels: [lines] }] },
    ];
    assert.deepEqual(
      boardProblems(own, { logs: undefined }).map(({ field, allowed }) => `${field}: ${allowed.split(" of ")[0]}`),
      [
        "dashboards.0.name: a name",
        "dashboards.1.rows.0.panels.0.link.dashboard: one",
        "dashboards.2.name: a name",
        "dashboards.2: only sources that are there: prometheus",
      ],
    );
  });
});

test("the variables of Grafana get values, and what is none stays", () => {
  assert.equal(
    withValues(`x{a="$namespace",b="\${namespace}"}[$__rate_interval] $1`, { namespace: "shop" }),
    'x{a="shop",b="shop"}[5m] $1',
  );
});
