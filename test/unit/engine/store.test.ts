import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { EngineError } from "../../../engine/errors.ts";
import { thisProcess } from "../../../engine/processes.ts";
import { conditionOf, explained, keepFresh, store } from "../../../engine/store.ts";

const root = mkdtempSync(join(tmpdir(), "plumbline-store-"));
after(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
async function stored(): Promise<{ folder: string; file: string }> {
  const folder = join(root, `program-${++made}`, "key");
  await store(folder, async (aside) => {
    mkdirSync(join(aside, "bin"));
    writeFileSync(join(aside, "bin", "program"), "binary");
  });
  return { folder, file: join(folder, "bin", "program") };
}

test("what was stored is good, also when only its date changed", async () => {
  const { folder, file } = await stored();
  assert.equal(await conditionOf(folder), "good");
  utimesSync(file, new Date(0), new Date(0));
  assert.equal(await conditionOf(folder), "good");
});

test("a folder without a record is missing", async () => {
  assert.equal(await conditionOf(join(root, "nothing")), "missing");
});

test("a truncated, an altered and a removed file are told apart from good ones", async () => {
  const truncated = await stored();
  truncateSync(truncated.file, 3);
  assert.deepEqual(await conditionOf(truncated.folder), { altered: `${truncated.file} has 3 bytes instead of 6` });
  const altered = await stored();
  writeFileSync(altered.file, "BINARY");
  utimesSync(altered.file, new Date(0), new Date(0));
  assert.deepEqual(await conditionOf(altered.folder), { altered: `${altered.file} is not what was stored` });
  const removed = await stored();
  rmSync(removed.file);
  assert.deepEqual(await conditionOf(removed.folder), { altered: `${removed.file} is gone` });
});

test("a change that keeps size and date shows to a thorough look", async () => {
  const { folder, file } = await stored();
  const record = join(folder, "SHA256SUMS.json");
  writeFileSync(file, "BINARY");
  utimesSync(file, new Date(1000), new Date(1000));
  writeFileSync(record, readFileSync(record, "utf8").replace(/"modified": .*/, '"modified": 1000'));
  assert.equal(await conditionOf(folder), "good");
  assert.deepEqual(await conditionOf(folder, { thorough: true }), { altered: `${file} is not what was stored` });
});

test("a failed fill leaves nothing, and what dead processes left is swept", async () => {
  const parent = join(root, "failing");
  const { pid, started } = thisProcess();
  for (const left of [`.new-${pid}-${started + 1}`, ".new-999999999-1"])
    mkdirSync(join(parent, left), { recursive: true });
  await assert.rejects(
    store(join(parent, "key"), async (aside) => {
      writeFileSync(join(aside, "half"), "x");
      throw new Error("killed");
    }),
    { message: "killed" },
  );
  assert.deepEqual(readdirSync(parent), []);
});

test("siblings that nobody used for two weeks are removed, others stay", async () => {
  const parent = join(root, "siblings");
  const [current, recent, old] = ["a", "b", "c"].map((key) => join(parent, key)) as [string, string, string];
  for (const folder of [current, recent, old])
    await store(folder, async (aside) => writeFileSync(join(aside, "p"), ""));
  const threeWeeksAgo = new Date(Date.now() - 21 * 24 * 3600_000);
  utimesSync(join(old, "SHA256SUMS.json"), threeWeeksAgo, threeWeeksAgo);
  keepFresh(current);
  assert.deepEqual(
    [current, recent, old].map((folder) => existsSync(folder)),
    [true, true, false],
  );
});

test("a full disk and a folder that is read-only are explained with the way out", async () => {
  const failing = (error: object) => explained("/cache", () => Promise.reject(Object.assign(new Error("x"), error)));
  await assert.rejects(
    failing({ code: "ENOSPC" }),
    (error) => error instanceof EngineError && error.code === "DISK_FULL",
  );
  await assert.rejects(failing({ code: "EROFS" }), {
    code: "CACHE_NOT_WRITABLE",
    message:
      "Nothing can be written under /cache (EROFS).\nMake it writable, or name another folder with PLUMBLINE_CACHE.",
  });
  await assert.rejects(failing({ code: "EOTHER" }), { code: "EOTHER" });
});
