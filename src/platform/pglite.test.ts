import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endChild } from "#test/processes/child.ts";
import { startScript } from "#test/script-child.ts";
import { openPglite } from "./pglite.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millwright-pglite-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Says every sync of the disk, in every thread, before it says that it happened. */
const tellSyncs = `
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const sync = fs.fdatasyncSync;
  fs.fdatasyncSync = (fd) => { sync(fd); fs.writeSync(1, "synced\\n"); };
  syncBuiltinESMExports();
`;

/** Inserts numbers for ever, several at a time, and says each one that was acknowledged. */
const writer = `
  import fs from "node:fs";
  import { openPglite } from "#platform/pglite.ts";
  const database = await openPglite(process.argv[1]);
  await database.script("create table if not exists numbers (n bigint primary key)");
  let next = 0;
  fs.writeSync(1, "began\\n");
  const write = async () => {
    for (;;) {
      next += 1;
      const n = next;
      await database.query("insert into numbers values ($1)", [n]);
      fs.writeSync(1, "wrote " + n + "\\n");
    }
  };
  await Promise.all([write(), write(), write(), write()]);
`;

it("syncs before it acknowledges, and loses nothing acknowledged to kill -9", async () => {
  const data = join(folder, "database");
  const child = startScript(writer, [data], { before: [tellSyncs] });
  // Four writers overtake each other by less than this.
  await child.says(/wrote 300\n/);
  await endChild(child);
  const said = child.stdout().split("\n");
  // Each commit syncs by itself, so at no time have more been acknowledged than the disk was synced.
  let ahead = 0;
  const acknowledged: number[] = [];
  for (const line of said.slice(said.indexOf("began") + 1)) {
    const n = /^wrote (\d+)$/.exec(line)?.[1];
    if (n !== undefined) acknowledged.push(Number(n));
    ahead += line === "synced" ? 1 : n === undefined ? 0 : -1;
    expect(ahead, line).toBeGreaterThanOrEqual(0);
  }
  const database = await openPglite(data);
  try {
    const rows = await database.query<{ n: number }>("select n from numbers");
    const kept = new Set(rows.map(({ n }) => n));
    expect(acknowledged.filter((n) => !kept.has(n))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(290);
    const [setting] = await database.query("show fsync");
    expect(setting).toEqual({ fsync: "on" });
  } finally {
    await database.close();
  }
  await expect(database.query("select 1")).rejects.toThrow(/stopped/);
});

it("says why a directory cannot be opened", async () => {
  const file = join(folder, "a-file");
  writeFileSync(file, "not a directory");
  await expect(openPglite(join(file, "database"))).rejects.toThrow();
});
