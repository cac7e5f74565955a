// Which stores of images does the cache keep?
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pruneStores } from "../../../local/image-store.ts";

test("those that were used last stay, whatever their names; what is no store is left alone", async () => {
  const cache = await mkdtemp(join(tmpdir(), "plumbline-stores-"));
  try {
    const named = (digit: string) => `store-${digit.repeat(24)}`;
    for (const [index, digit] of ["c", "a", "d", "b"].entries()) {
      const store = join(cache, named(digit));
      await mkdir(store);
      await writeFile(join(store, "content"), digit);
      const used = new Date(Date.UTC(2026, 0, 1 + index));
      await utimes(store, used, used);
    }
    await mkdir(join(cache, `${named("e")}.new`));
    await writeFile(join(cache, "pause-0123.tar"), "");
    await pruneStores(cache, 2);
    assert.deepEqual(
      (await readdir(cache)).sort(),
      ["pause-0123.tar", named("b"), named("d"), `${named("e")}.new`].sort(),
    );
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
});
