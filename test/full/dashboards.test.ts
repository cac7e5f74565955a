// Do the dashboards show something? Every query of every panel is asked of the platform that runs, and must have an answer.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type PanelArgs, withValues } from "../../components/dashboards/board.ts";
import { boardsFor } from "../../components/dashboards/default-boards.ts";
import { eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { askThrough, authorityOf } from "./exposed-app.ts";

// What somebody chose at the top of each dashboard.
const values = (source: string) => ({
  namespace: source === "prometheus" ? "hello" : ".+",
  app: ".+",
  commit: "",
  text: "",
});
let status: Status;
let kubectl: Kubectl;
let requests: NodeJS.Timeout | undefined;

const url = (slot: string): string => status.layers.find((layer) => layer.slot === slot)?.url ?? assert.fail(slot);

/** Asks a source something; throws what it says against the question. */
const ask = async (source: string, path: string, parameters: Record<string, string>): Promise<string> => {
  const base = source === "prometheus" ? `${url("metrics")}/api/v1` : `${url("logs")}/select/logsql`;
  const answer = await fetch(`${base}/${path}?${new URLSearchParams(parameters)}`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
  return text;
};

/** The values that a choice offers. */
const offered = async (source: string, of: string, field: string): Promise<string[]> => {
  if (source === "prometheus")
    return (JSON.parse(await ask(source, `label/${field}/values`, { "match[]": of })) as { data: string[] }).data;
  const answer = await ask(source, "field_values", { query: of, field, start: "5m" });
  return (JSON.parse(answer) as { values: { value: string }[] }).values.map(({ value }) => value);
};

type Point = readonly [time: unknown, shown: string];

/** What a panel shows of a query, asked as Grafana does: figures or lines, without those that are no number. */
const shown = async ({ kind = "graph", source = "prometheus" }: PanelArgs, expr: string): Promise<string[]> => {
  const query = withValues(expr, values(source));
  const now = kind === "stat" || kind === "table";
  const end = Date.now() / 1000;
  const time = { start: String(end - 300), end: String(end) };
  if (kind === "logs")
    return (await ask(source, "query", { query, ...time, limit: "100" })).split("\n").filter(Boolean);
  const over = now ? "query" : "query_range";
  const answer = await ask(source, source === "prometheus" ? over : `stats_${over}`, {
    query,
    ...(!now && { ...time, step: "15s" }),
  });
  const { data } = JSON.parse(answer) as { data: { result: { value?: Point; values?: Point[] }[] } };
  const points = data.result.flatMap(({ value, values: several = [] }) => (value ? [value] : several));
  return points.map(([, point]) => point).filter((point) => point !== "NaN");
};

before(async () => {
  const clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
  // On a platform without a fault nobody may have complained yet.
  await kubectl(["apply", "-f", "-"], complains);
  const authority = await authorityOf(kubectl);
  const { port } = new URL(url("ingress"));
  // A rate needs two points: requests go on while the panels are asked.
  requests = setInterval(() => askThrough(Number(port), "hello.example.test", authority).catch(() => undefined), 500);
});

after(async () => {
  clearInterval(requests);
  await kubectl(["delete", "namespace", "complains", "--wait=false"]);
});

for (const board of boardsFor({ logs: "logsql" })) {
  describe(`the dashboard ${board.title}`, { concurrency: true }, () => {
    for (const { of, field, source = "prometheus", name } of board.variables ?? []) {
      if (of === undefined || field === undefined) continue;
      test(`offers values of ${name}`, async () => {
        const found = await offered(source, withValues(of, values(source)), field);
        assert.ok(found.includes("hello"), JSON.stringify(found));
      });
    }
    for (const panel of board.rows.flatMap(({ panels }) => panels)) {
      for (const { expr, legend = "" } of panel.queries) {
        test(`${panel.title} ${legend}`.trim(), async () => {
          await eventually(
            expr,
            () => shown(panel, expr),
            (answer) => answer.length > 0,
            60,
          );
        });
      }
    }
  });
}

test("a query with no answer and a wrong one would be found", async () => {
  const panel = { title: "wrong", queries: [] };
  await assert.rejects(
    eventually(
      "no such series",
      () => shown(panel, "no_such_series"),
      (found) => found.length > 0,
      1,
    ),
  );
  await assert.rejects(shown(panel, "rate(sum(up))"), /400: .*expected type range vector/);
});

// A pod that writes one line of an error, and ends.
const complains = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "complains" } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "complains", namespace: "complains", labels: { app: "complains" } },
      spec: {
        restartPolicy: "Never",
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "complains",
            image: "plumbline.local/library/busybox:1.35",
            command: ["echo", JSON.stringify({ level: "error", msg: "on purpose" })],
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          },
        ],
      },
    },
  ],
});
