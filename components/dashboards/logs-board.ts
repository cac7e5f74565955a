// What do the pods say? Their lines by namespace, app, commit and text, how many there are, and which are errors.
import type { DashboardArgs } from "./board.ts";

// Found by labels; the commit stands beside each line, and what was chosen may be the beginning of one.
const chosen = '{namespace=~"$namespace",app=~"$app"} | commit=~"$commit.*" |= `$text`';

/** The dashboard of the logs. */
export const logsBoard: DashboardArgs = {
  name: "plumbline-logs",
  title: "Logs",
  description: "Lines of every pod, by namespace, app, commit and text.",
  variables: [
    { name: "namespace", label: "Namespace", source: "loki", of: '{namespace=~".+"}', field: "namespace", all: true },
    { name: "app", label: "App", source: "loki", of: '{namespace=~"$namespace"}', field: "app", all: true },
    { name: "commit", label: "Commit" },
    { name: "text", label: "Text" },
  ],
  rows: [
    {
      title: "How many",
      panels: [
        {
          title: "Lines, by app",
          description: "Lines a second.",
          source: "loki",
          queries: [
            { expr: `sum by (namespace, app) (rate(${chosen} [$__auto]))`, legend: "{{ namespace }} {{ app }}" },
          ],
          link: { dashboard: "plumbline-app", variable: "namespace", label: "namespace" },
        },
        {
          title: "Lines, by level",
          description: "Lines a second; the level is what the app calls it, or what Loki reads in the line.",
          source: "loki",
          queries: [{ expr: `sum by (detected_level) (rate(${chosen} [$__auto]))`, legend: "{{ detected_level }}" }],
        },
        {
          title: "Commits that wrote them",
          description: "Lines in the time shown, of those that came from Git.",
          kind: "table",
          source: "loki",
          width: 24,
          queries: [{ expr: `sum by (namespace, app, commit) (count_over_time(${chosen} | commit!="" [$__range]))` }],
        },
      ],
    },
    {
      title: "Lines",
      panels: [
        {
          title: "Errors",
          kind: "logs",
          source: "loki",
          height: 10,
          queries: [{ expr: `${chosen} | detected_level=~"error|fatal|critical"` }],
        },
        { title: "All", kind: "logs", source: "loki", height: 20, queries: [{ expr: chosen }] },
      ],
    },
  ],
};
