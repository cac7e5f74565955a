// What do the pods say, where VictoriaLogs keeps it? The dashboard of the logs once more, in LogsQL.
import type { DashboardArgs } from "./board.ts";

const source = "victorialogs";
const chosen = 'namespace:~"^($namespace)$" app:~"^($app)$" commit:~"^$commit" _msg:~"$text"';
// A level is what a line of JSON says in its field `level`: nobody reads it in other lines.
const levelled = `${chosen} | unpack_json if (_msg:~"^[{]") fields (level)`;

/** The dashboard of the logs of VictoriaLogs. */
export const logsqlBoard: DashboardArgs = {
  name: "plumbline-logsql",
  title: "Logs",
  description: "Lines of every pod, by namespace, app, commit and text, which is a regular expression.",
  variables: [
    { name: "namespace", label: "Namespace", source, of: "*", field: "namespace", all: true },
    { name: "app", label: "App", source, of: 'namespace:~"^($namespace)$"', field: "app", all: true },
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
          source,
          queries: [
            { expr: `${chosen} | stats by (namespace, app) rate() lines`, legend: "{{ namespace }} {{ app }}" },
          ],
          link: { dashboard: "plumbline-app", variable: "namespace", label: "namespace" },
        },
        {
          title: "Lines, by level",
          description: "Lines a second; the level is what the app calls it in a line of JSON.",
          source,
          queries: [{ expr: `${levelled} | stats by (level) rate() lines`, legend: "{{ level }}" }],
        },
        {
          title: "Lines, by commit",
          description: "Lines a second, of those that came from Git.",
          source,
          width: 24,
          queries: [
            { expr: `${chosen} commit:* | stats by (app, commit) rate() lines`, legend: "{{ app }} {{ commit }}" },
          ],
        },
      ],
    },
    {
      title: "Lines",
      panels: [
        {
          title: "Errors",
          kind: "logs",
          source,
          height: 10,
          queries: [{ expr: `${levelled} | filter level:~"(?i)^(error|fatal|critical)$"` }],
        },
        { title: "All", kind: "logs", source, height: 20, queries: [{ expr: chosen }] },
      ],
    },
  ],
};
