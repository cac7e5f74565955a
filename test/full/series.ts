// What did Prometheus know at a time?
import assert from "node:assert/strict";
import type { Status } from "../clone.ts";

/** Number of series about kubelets that Prometheus had at a time, in seconds since 1970. */
export const seriesAt = async ({ layers }: Status, time: number): Promise<number> => {
  const url = layers.find(({ slot }) => slot === "metrics")?.url ?? assert.fail("no layer keeps figures");
  const asked = new URLSearchParams({ query: 'count(up{job="kubelet"})', time: String(time) });
  const answer = await fetch(`${url}/api/v1/query?${asked}`);
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? 0);
};
