// What the collector makes of the configuration that we write: it reads it, and then files of pods, killed in between.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { execa } from "execa";
import { resolve } from "../../../engine/resolve.ts";
import { eventually } from "../../clone.ts";
import { alone, type Change, collectorText, podFile } from "../../pod-files.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-collector-"));
after(() => rmSync(folder, { recursive: true }));
let collector: string;
before(async () => {
  collector = (await resolve(["otel-collector"])).get("otel-collector")?.path ?? "";
});

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("otel-collector", () => {
  const logs = join(folder, "pods");
  const config = (change: Change = () => {}, pushUrl = "http://loki:3100/otlp") =>
    write(
      "collector.yaml",
      collectorText(
        {
          namespace: "logs-collector",
          pushUrl,
          tenant: "platform",
          tenants: [{ name: "shop", namespaces: ["shop"] }],
          firstLine: "\\S",
          buffer: 2 ** 24,
        },
        { logs, state: folder },
        change,
      ),
    );
  const call = (...args: string[]) => [...args, "--feature-gates=stanza.synchronousLogEmitter"];

  test("reads the configuration", async () => {
    const { exitCode, all } = await execa(collector, call("validate", `--config=file:${config()}`), {
      reject: false,
      all: true,
      env: { NODE_NAME: "node-0" },
    });
    assert.equal(exitCode, 0, all);
  });
  test("refuses a wrong field", async () => {
    const file = config((each) => {
      each.exporters["otlp_http/shop"].sending_queue.storages = "file_storage";
    });
    const { exitCode, all } = await execa(collector, call("validate", `--config=file:${file}`), {
      reject: false,
      all: true,
    });
    assert.equal(exitCode, 1);
    assert.match(String(all), /invalid keys: storages/);
  });

  test("brings each entry once and whole, with whose it is, over a kill and while nobody takes it", async () => {
    const taken: Entry[] = [];
    let open = true;
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part) => parts.push(part));
      request.on("end", () => {
        if (open) taken.push(...entriesOf(String(request.headers["x-scope-orgid"]), Buffer.concat(parts)));
        response.writeHead(open ? 200 : 503, { "content-type": "application/json" }).end("{}");
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const file = config(
      (each) => {
        alone(each);
        for (const to of Object.values<{ encoding: string }>(each.exporters)) to.encoding = "json";
      },
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
    const start = () =>
      execa(collector, call(`--config=file:${file}`), { reject: false, all: true, env: { NODE_NAME: "node-0" } });
    const pod = podFile(logs, { namespace: "shop", pod: "web-0", container: "web" }, now);
    const other = podFile(logs, { namespace: "bank", pod: "web-0", container: "web" }, now);
    const own = podFile(
      logs,
      { namespace: "logs-collector", pod: "otel-collector-a", container: "otel-collector" },
      now,
    );
    own.say("mine");
    other.say("theirs");
    const numbers = Array.from({ length: 300 }, (_, index) => `number ${index}`);
    let running = start();
    try {
      pod.say('{"msg":"answered","commit":"c0ffee"}');
      pod.say("java.lang.IllegalStateException: no");
      pod.say("\tat a.b.C(D.java:1)");
      pod.say("\tat a.b.E(F.java:2)");
      pod.say(`${"x".repeat(40)} `, "P");
      pod.say("second part ", "P");
      pod.say("the end");
      for (const each of numbers.slice(0, 100)) pod.say(each);
      await eventually("the first numbers", async () => taken.some(({ line }) => line === "number 98"), Boolean, 60);
      for (const each of numbers.slice(100, 200)) pod.say(each);
      running.kill("SIGKILL");
      await running;
      open = false;
      running = start();
      for (const each of numbers.slice(200)) pod.say(each);
      await new Promise((done) => setTimeout(done, 2000));
      running.kill("SIGKILL");
      await running;
      open = true;
      running = start();
      await eventually("the last number", async () => taken.some(({ line }) => line === "number 299"), Boolean, 60);
      await eventually("the other tenant", async () => taken.some(({ line }) => line === "theirs"), Boolean, 60);
    } finally {
      running.kill("SIGTERM");
      const { all } = await running;
      server.close();
      write("collector.log", String(all));
    }
    // What comes twice has the same time and text: Loki keeps it once.
    const once = [...new Map(taken.map((entry) => [`${entry.time} ${entry.line}`, entry])).values()];
    const ofShop = once.filter(({ tenant }) => tenant === "shop").sort((one, two) => Number(one.time - two.time));
    assert.deepEqual(
      ofShop.map(({ line }) => line),
      [
        '{"msg":"answered","commit":"c0ffee"}',
        "java.lang.IllegalStateException: no\n\tat a.b.C(D.java:1)\n\tat a.b.E(F.java:2)",
        `${"x".repeat(40)} second part the end`,
        ...numbers,
      ],
    );
    const [first] = ofShop;
    assert.deepEqual(first?.labels, { namespace: "shop", pod: "web-0", container: "web", app: "web", node: "node-0" });
    assert.deepEqual(first?.beside, { stream: "stdout", commit: "c0ffee" });
    assert.deepEqual(
      once.filter(({ tenant }) => tenant !== "shop").map(({ tenant, line }) => `${tenant}: ${line}`),
      ["platform: theirs"],
    );
  });
});

interface Entry {
  readonly tenant: string;
  readonly time: bigint;
  readonly line: string;
  readonly labels: Record<string, string>;
  readonly beside: Record<string, string>;
}

type Attributes = { key: string; value: { stringValue: string } }[] | undefined;
const plain = (attributes: Attributes): Record<string, string> =>
  Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, value.stringValue]));

/** Entries of one request of OTLP as JSON. */
const entriesOf = (tenant: string, body: Buffer): Entry[] => {
  const { resourceLogs } = JSON.parse(gunzipSync(body).toString()) as {
    resourceLogs: {
      resource: { attributes: Attributes };
      scopeLogs: { logRecords: { timeUnixNano: string; body: { stringValue: string }; attributes: Attributes }[] }[];
    }[];
  };
  return resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ timeUnixNano, body: { stringValue }, attributes }) => ({
        tenant,
        time: BigInt(timeUnixNano),
        line: stringValue,
        labels: plain(resource.attributes),
        beside: plain(attributes),
      })),
    ),
  );
};

let nanoseconds = 0;
const now = () => `2026-01-01T00:00:00.${String(++nanoseconds).padStart(9, "0")}Z`;
