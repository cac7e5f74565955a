// Do the dashboards show something? Every query of every panel is asked of the platform that runs, and must have an answer.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type PanelArgs, withValues } from "../../components/dashboards/board.ts";
import { boardsFor } from "../../components/dashboards/default-boards.ts";
import { loadStack } from "../../stacks/shared/load.ts";
import { eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { askThrough, authorityOf } from "./exposed-app.ts";

const { layers } = await loadStack("local-full");
const logs = "logs" in layers;
// Of every tenant that the stack names.
const tenants = "platform|apps";
// What somebody chose at the top of each dashboard.
const values = (source: string) => ({ namespace: source === "loki" ? ".+" : "hello", app: ".+", commit: "", text: "" });
let status: Status;
let kubectl: Kubectl;
let requests: NodeJS.Timeout | undefined;

const url = (slot: string): string => status.layers.find((layer) => layer.slot === slot)?.url ?? assert.fail(slot);

/** Asks a source something; throws what it says against the question. */
const ask = async <T>(source: string, path: string, parameters: Record<string, string>): Promise<T[]> => {
  const [base, headers] =
    source === "loki" ? [`${url("logs")}/loki/api/v1`, { "X-Scope-OrgID": tenants }] : [`${url("metrics")}/api/v1`, {}];
  const answer = await fetch(`${base}/${path}?${new URLSearchParams(parameters)}`, { headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
  const { data } = JSON.parse(text) as { data: T[] | { result: T[] } };
  return Array.isArray(data) ? data : data.result;
};

type Point = readonly [time: unknown, shown: string];

/** What a panel shows of a query, asked as Grafana does: figures or lines, without those that are no number. */
const shown = async ({ kind = "graph", source = "prometheus" }: PanelArgs, expr: string): Promise<string[]> => {
  const query = withValues(expr, values(source));
  const now = kind === "stat" || kind === "table";
  const end = Date.now() / 1000;
  const found = await ask<{ value?: Point; values?: Point[] }>(source, now ? "query" : "query_range", {
    query,
    ...(!now && { start: String(end - 300), end: String(end), step: "15" }),
  });
  const points = found.flatMap(({ value, values: several = [] }) => (value ? [value] : several));
  return points.map(([, point]) => point).filter((point) => point !== "NaN");
};

before(async () => {
  const clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
  // On a platform without a fault nobody may have complained yet.
  if (logs) await kubectl(["apply", "-f", "-"], complains);
  const authority = await authorityOf(kubectl);
  const { port } = new URL(url("ingress"));
  // A rate needs two points: requests go on while the panels are asked.
  requests = setInterval(() => askThrough(Number(port), "hello.example.test", authority).catch(() => undefined), 500);
});

after(async () => {
  clearInterval(requests);
  if (logs) await kubectl(["delete", "namespace", "complains", "--wait=false"]);
});

for (const board of boardsFor({ logs })) {
  describe(`the dashboard ${board.title}`, { concurrency: true }, () => {
    for (const { of, field, source = "prometheus", name } of board.variables ?? []) {
      if (of === undefined || field === undefined) continue;
      test(`offers values of ${name}`, async () => {
        const match = source === "loki" ? "query" : "match[]";
        const offered = await ask(source, `label/${field}/values`, { [match]: withValues(of, values(source)) });
        assert.ok(offered.includes("hello"), JSON.stringify(offered));
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
