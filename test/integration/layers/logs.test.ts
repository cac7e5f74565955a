// What does VictoriaLogs make of the flags that we write? It reads them, and keeps what a collector brings, over restarts.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { victoriaLogsFlags } from "../../../components/logs/victoria-logs.ts";
import { resolve } from "../../../engine/resolve.ts";
import { eventually } from "../../clone.ts";
import { freePort } from "../../free-port.ts";
import { linesAt } from "../../full/lines.ts";
import { alone, collectorText, podFile } from "../../pod-files.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-logs-"));
const logs = join(folder, "pods");
const pod = podFile(logs, { namespace: "shop", pod: "web-0", container: "web" }, () => new Date().toISOString());
/** As the layer shows it to collectors. */
const tenant = "0";
let victoriaLogs: string;
let address: string;
let port: number;
let keeper: ReturnType<typeof start>;
let collector: ReturnType<typeof collect>;

/** The flags of a pod, with its port and folder replaced. */
const flags = (args: Parameters<typeof victoriaLogsFlags>[0], change = (each: string) => each) =>
  victoriaLogsFlags(args).map((flag) =>
    change(flag.replace(":9428", `127.0.0.1:${port}`).replace("=/data", `=${join(folder, "data")}`)),
  );
const start = (args: Parameters<typeof victoriaLogsFlags>[0] = {}) =>
  execa(victoriaLogs, flags(args), { reject: false, all: true });
const collect = (program: string, file: string) =>
  execa(program, [`--config=file:${file}`, "--feature-gates=stanza.synchronousLogEmitter"], {
    reject: false,
    env: { NODE_NAME: "node-0" },
  });
const healthy = () =>
  eventually(
    "it answers",
    async () => (await fetch(`${address}/health`)).text(),
    (text) => text === "OK",
    30,
  );

const ask = (query: string) => linesAt(address, query);
/** What the pod said of a kind, each once. */
const kept = async (kind: string): Promise<Set<number>> =>
  new Set((await ask(`namespace:=shop _msg:~"^${kind} "`)).map(({ _msg = "" }) => Number(_msg.slice(kind.length + 1))));
const numbers = (count: number) => new Set(Array.from({ length: count }, (_, index) => index));

before(async () => {
  const found = await resolve(["victoria-logs", "otel-collector"]);
  victoriaLogs = found.get("victoria-logs")?.path ?? "";
  port = await freePort();
  address = `http://127.0.0.1:${port}`;
  const file = join(folder, "collector.yaml");
  const facts = { namespace: "collector", tenant, tenants: [], firstLine: "\\S", buffer: 2 ** 24 };
  const pushUrl = `${address}/insert/opentelemetry`;
  writeFileSync(file, collectorText({ ...facts, pushUrl }, { logs, state: folder }, alone));
  keeper = start();
  await healthy();
  collector = collect(found.get("otel-collector")?.path ?? "", file);
});
after(async () => {
  for (const child of [collector, keeper]) {
    child.kill("SIGKILL");
    await child;
  }
  rmSync(folder, { recursive: true });
});

test("it reads its flags", async () => {
  const said = await (await fetch(`${address}/flags`)).text();
  assert.match(said, /-retentionPeriod="31d"/);
  assert.match(said, /-retention\.maxDiskSpaceUsageBytes="8589934592"/);
  assert.match(said, /-inmemoryDataFlushInterval="1s"/);
});

test("it refuses a wrong flag, and a retention that it cannot keep", async () => {
  const refused = async (change: (flag: string) => string) => {
    const { exitCode, all } = await execa(victoriaLogs, flags({}, change), { reject: false, all: true });
    assert.notEqual(exitCode, 0);
    return String(all);
  };
  assert.match(
    await refused((flag) => flag.replace("-retentionPeriod", "-retentionPeriods")),
    /flag provided but not defined: -retentionPeriods/,
  );
  assert.match(await refused((flag) => flag.replace("31d", "12h")), /-retentionPeriod cannot be smaller than a day/);
});

test("a line is found by whose it is and by its commit", async () => {
  pod.say('{"msg":"answered","commit":"c0ffee"}');
  const [line] = await eventually(
    "the line",
    () => ask("namespace:=shop commit:=c0ffee"),
    (found) => found.length === 1,
    30,
  );
  const { _msg, pod: of, container, app, node, stream } = line ?? {};
  assert.deepEqual([of, container, app, node, stream], ["web-0", "web", "web", "node-0", "stdout"]);
  assert.equal(_msg, '{"msg":"answered","commit":"c0ffee"}');
});

test("what is said while it restarts is there afterwards, and so is what was there before, kept longer now", async () => {
  for (const number of numbers(50)) pod.say(`restart ${number}`);
  await eventually(
    "the first",
    () => kept("restart"),
    (found) => found.size > 0,
    30,
  );
  for (const number of numbers(100)) if (number >= 50) pod.say(`restart ${number}`);
  keeper.kill("SIGTERM");
  await keeper;
  for (const number of numbers(150)) if (number >= 100) pod.say(`restart ${number}`);
  await sleep(2000);
  keeper = start({ retention: "90d", storage: "20Gi" });
  await healthy();
  await eventually(
    "all",
    () => kept("restart"),
    (found) => numbers(150).isSubsetOf(found),
    60,
  );
  assert.equal((await ask("namespace:=shop commit:=c0ffee")).length, 1);
});

test("killed without a warning, it lacks what it took in the last three seconds and nothing else", async () => {
  const said: number[] = [];
  const say = setInterval(() => {
    pod.say(`kill ${said.length}`);
    said.push(Date.now());
  }, 20);
  // When it had a line of the pod is known to the collector alone; of these, to whoever sends them.
  const taken: number[] = [];
  const until = Date.now() + 6000;
  while (Date.now() < until) {
    const line = JSON.stringify({ _time: new Date().toISOString(), _msg: `taken ${taken.length}`, app: "sender" });
    const { ok } = await fetch(`${address}/insert/jsonline?_stream_fields=app`, { method: "POST", body: line });
    assert.ok(ok);
    taken.push(Date.now());
    await sleep(20);
  }
  const killed = Date.now();
  keeper.kill("SIGKILL");
  await keeper;
  keeper = start({ retention: "90d", storage: "20Gi" });
  await healthy();
  await sleep(1000);
  clearInterval(say);
  const last = said.length - 1;
  const found = await eventually(
    "the last",
    () => kept("kill"),
    (each) => each.has(last),
    60,
  );
  assert.ok(found.size > said.length / 2, `${found.size} of ${said.length}`);
  assert.deepEqual(
    said.filter((time, number) => time > killed && !found.has(number)),
    [],
  );
  const there = new Set((await ask('app:=sender _msg:~"^taken "')).map(({ _msg = "" }) => _msg));
  const lost = taken.filter((_, number) => !there.has(`taken ${number}`)).map((time) => killed - time);
  assert.ok(taken.length > 100 && lost.length < taken.length, `${lost.length} of ${taken.length}`);
  assert.deepEqual(
    lost.filter((before) => before > 3000),
    [],
  );
});

test("what Fluentd sends to Loki it takes as well", async () => {
  const stream = { namespace: "bank", app: "web" };
  const values = [[`${BigInt(Date.now()) * 1_000_000n}`, "by Loki's way in"]];
  const answer = await fetch(`${address}/insert/loki/api/v1/push`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-scope-orgid": tenant },
    body: JSON.stringify({ streams: [{ stream, values }] }),
  });
  assert.equal(answer.status, 204, await answer.text());
  await eventually(
    "the line",
    () => ask("namespace:=bank app:=web"),
    (found) => found[0]?._msg === "by Loki's way in",
    30,
  );
});
