// What does Grafana read? Its JSON of a dashboard, built with its own SDK, which this file alone knows.
import { createRequire } from "node:module";
import { type DashboardArgs, type DashboardVariableArgs, defaultFolder, type PanelArgs } from "./board.ts";

// Loaded when a dashboard is built, not with every command that reads a stack: it takes a sixth of a second.
const require = createRequire(import.meta.url);
const sdk = () => ({
  ...(require("@grafana/grafana-foundation-sdk/dashboard") as typeof import("@grafana/grafana-foundation-sdk/dashboard")),
  common: require("@grafana/grafana-foundation-sdk/common") as typeof import("@grafana/grafana-foundation-sdk/common"),
  graph:
    require("@grafana/grafana-foundation-sdk/timeseries") as typeof import("@grafana/grafana-foundation-sdk/timeseries"),
  stat: require("@grafana/grafana-foundation-sdk/stat") as typeof import("@grafana/grafana-foundation-sdk/stat"),
  table: require("@grafana/grafana-foundation-sdk/table") as typeof import("@grafana/grafana-foundation-sdk/table"),
  logs: require("@grafana/grafana-foundation-sdk/logs") as typeof import("@grafana/grafana-foundation-sdk/logs"),
  prometheus:
    require("@grafana/grafana-foundation-sdk/prometheus") as typeof import("@grafana/grafana-foundation-sdk/prometheus"),
  loki: require("@grafana/grafana-foundation-sdk/loki") as typeof import("@grafana/grafana-foundation-sdk/loki"),
});
type Sdk = ReturnType<typeof sdk>;
type Model = import("@grafana/grafana-foundation-sdk/dashboard").Dashboard;

/** Tag of every dashboard of the library: each links to all others that carry it. */
export const tag = "plumbline";

const pageWidth = 24;
const sizes: Readonly<Record<string, { readonly width: number; readonly height: number }>> = {
  graph: { width: 12, height: 8 },
  stat: { width: 4, height: 4 },
  table: { width: 12, height: 8 },
  logs: { width: pageWidth, height: 16 },
};

/** A dashboard as Grafana's JSON. The same dashboard gives the same text. */
export const dashboardJson = (dashboard: DashboardArgs): string =>
  `${JSON.stringify(dashboardModel(dashboard), null, 1)}\n`;

/** A dashboard as Grafana's model. */
export const dashboardModel = ({ name, title, description, variables = [], rows }: DashboardArgs): Model => {
  const grafana = sdk();
  const used = new Set(rows.flatMap(({ panels }) => panels.map(({ source = "prometheus" }) => source)));
  const builder = new grafana.DashboardBuilder(title)
    .uid(name)
    .tags([tag])
    .timezone("browser")
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    // What Git declares is not edited in the browser; it can be copied.
    .readonly()
    .tooltip(grafana.DashboardCursorSync.Crosshair)
    .link(
      new grafana.DashboardLinkBuilder("Dashboards")
        .type(grafana.DashboardLinkType.Dashboards)
        .tags([tag])
        .includeVars(true)
        .keepTime(true),
    );
  if (description) builder.description(description);
  for (const source of used) {
    builder.withVariable(
      new grafana.DatasourceVariableBuilder(source).label(labels[source] ?? source).type(typeOf(source)),
    );
  }
  for (const variable of variables) builder.withVariable(choice(grafana, variable));
  let y = 0;
  let id = 0;
  for (const row of rows) {
    id += 1;
    builder.withRow(new grafana.RowBuilder(row.title).id(id).gridPos({ x: 0, y, w: pageWidth, h: 1 }));
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const each of row.panels) {
      const { width: w, height: h } = sizeOf(each);
      if (x + w > pageWidth) {
        x = 0;
        y += tallest;
        tallest = 0;
      }
      id += 1;
      builder.withPanel(panel(grafana, each).id(id).gridPos({ x, y, w, h }));
      x += w;
      tallest = Math.max(tallest, h);
    }
    y += tallest;
  }
  return builder.build();
};

/** Folder of a dashboard. */
export const folderOf = ({ folder = defaultFolder }: DashboardArgs): string => folder;

const labels: Readonly<Record<string, string>> = { prometheus: "Metrics", loki: "Logs", victorialogs: "Logs" };

/** Plug-in of VictoriaLogs' vendor, by which Grafana asks it. */
export const victoriaLogsPlugin = "victoriametrics-logs-datasource";
const typeOf = (source: string): string => (source === "victorialogs" ? victoriaLogsPlugin : source);

const sizeOf = ({ kind = "graph", width, height }: PanelArgs) => {
  const usual = sizes[kind] ?? { width: 12, height: 8 };
  return { width: width ?? usual.width, height: height ?? usual.height };
};

const dataSource = (source: string) => ({ type: typeOf(source), uid: `\${${source}}` });

const choice = (
  grafana: Sdk,
  { name, label, of, field, source = "prometheus", all = false }: DashboardVariableArgs,
) => {
  if (of === undefined || field === undefined)
    return new grafana.TextBoxVariableBuilder(name).label(label).defaultValue("");
  // Data sources of logs take an object where Prometheus' takes a text.
  const query =
    source === "loki"
      ? { label: field, stream: of, type: 1, refId: name }
      : source === "victorialogs"
        ? { type: "fieldValue", query: of, field, limit: 1000, refId: name }
        : `label_values(${of}, ${field})`;
  const builder = new grafana.QueryVariableBuilder(name)
    .label(label)
    .datasource(dataSource(source))
    .query(query)
    .refresh(grafana.VariableRefresh.OnTimeRangeChanged)
    .sort(grafana.VariableSort.AlphabeticalAsc);
  return all ? builder.includeAll(true).allValue(".+").current({ text: "All", value: "$__all" }) : builder;
};

const queries = (grafana: Sdk, { kind = "graph", source = "prometheus", queries: asked }: PanelArgs) =>
  asked.map(({ expr, legend }, index) => {
    const refId = String.fromCharCode(65 + index);
    if (source === "loki") {
      const query = new grafana.loki.DataqueryBuilder().refId(refId).expr(expr).datasource(dataSource(source));
      if (legend) query.legendFormat(legend);
      return query.queryType(kind === "table" || kind === "stat" ? "instant" : "range");
    }
    if (source === "victorialogs") {
      // The SDK knows only data sources that Grafana has itself.
      const queryType = kind === "logs" ? "instant" : kind === "graph" ? "statsRange" : "stats";
      const built = {
        ...{ refId, expr, queryType, datasource: dataSource(source) },
        ...(legend && { legendFormat: legend }),
        _implementsDataqueryVariant: () => {},
      };
      return { build: () => built };
    }
    const query = new grafana.prometheus.DataqueryBuilder().refId(refId).expr(expr).datasource(dataSource(source));
    if (legend) query.legendFormat(legend);
    return kind === "table"
      ? query.instant().format(grafana.prometheus.PromQueryFormat.Table)
      : kind === "stat"
        ? query.instant()
        : query.range();
  });

const panel = (grafana: Sdk, declared: PanelArgs) => {
  const { kind = "graph", title, description, unit = "short", source = "prometheus", thresholds = [], link } = declared;
  const { common } = grafana;
  const builder =
    kind === "stat"
      ? new grafana.stat.PanelBuilder()
          .colorMode(thresholds.length > 0 ? common.BigValueColorMode.Background : common.BigValueColorMode.Value)
          .graphMode(common.BigValueGraphMode.None)
          .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
      : kind === "table"
        ? new grafana.table.PanelBuilder().withTransformation({
            id: "organize",
            options: { excludeByName: { Time: true }, indexByName: {}, renameByName: {} },
          })
        : kind === "logs"
          ? new grafana.logs.PanelBuilder()
              .showTime(true)
              .wrapLogMessage(true)
              .enableLogDetails(true)
              .sortOrder(common.LogsSortOrder.Descending)
          : graph(grafana);
  builder
    .title(title)
    .datasource(dataSource(source))
    .targets(queries(grafana, declared))
    .unit(unit)
    .thresholds(
      new grafana.ThresholdsConfigBuilder()
        .mode(grafana.ThresholdsMode.Absolute)
        .steps([{ value: null, color: "green" }, ...thresholds.map(({ from, color }) => ({ value: from, color }))]),
    );
  // A ratio of more than the whole would be a mistake that nobody sees on an axis of its own.
  if (kind === "graph") builder.min(0);
  if (description) builder.description(description);
  if (link) {
    const { dashboard, variable, label } = link;
    const url = `/d/${dashboard}?var-${variable}=\${__field.labels.${label}}&\${__url_time_range}`;
    builder.dataLinks([new grafana.DashboardLinkBuilder(`Open ${dashboard}`).url(url)]);
  }
  return builder;
};

const graph = (grafana: Sdk) => {
  const { common } = grafana;
  return new grafana.graph.PanelBuilder()
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
};
