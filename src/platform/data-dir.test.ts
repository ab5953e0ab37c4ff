import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Child, endChild } from "#test/processes/child.ts";
import { startScript } from "#test/script-child.ts";
import { openDataDir } from "./data-dir.ts";

/** Takes something of a directory, says so, and lives until it is ended. */
const holder = (take: string): string => `
  import { openDataDir } from "#platform/data-dir.ts";
  {
    const dir = openDataDir(process.argv[1]);
    try {
      const taken = JSON.stringify(${take}) ?? "it";
      // Nobody needs the directory's object any more; what it took must outlive it.
      setTimeout(() => { gc(); console.log("took", taken); });
    } catch (error) {
      console.log("refused", error.name, error.message);
    }
  }
  setInterval(() => undefined, 1_000);
`;

let folder: string;
let children: Child[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millwright-dir-"));
  children = [];
});
afterEach(async () => {
  for (const child of children) await endChild(child);
  rmSync(folder, { recursive: true, force: true });
});

const start = (take: string): Child => {
  const child = startScript(holder(take), [folder]);
  children.push(child);
  return child;
};
const taken = async <T>(child: Child): Promise<T> =>
  JSON.parse((await child.says(/took (.+)\n/))[1]!) as T;

it("lets one process have the directory, and tells the next at once what to do", async () => {
  const first = start("dir.lockAlone()");
  await first.says(/took it/);
  const said = await start("dir.lockAlone()").says(/refused (\S+) (.+)\n/);
  expect(said[1]).toBe("DataDirInUse");
  expect(said[2]).toBe(
    `the data directory ${folder} is in use by another Millwright process; stop that one, or set MILLWRIGHT_DATA_DIR to another directory`,
  );
  expect(() => openDataDir(folder).lockAlone()).toThrow(said[2]);
});

it("frees the directory of a process that was killed", async () => {
  const first = start("dir.lockAlone()");
  await first.says(/took it/);
  await endChild(first);
  await start("dir.lockAlone()").says(/took it/);
});

it("names living processes apart, and says which names are those of dead ones", async () => {
  interface Claim {
    readonly owner: string;
    readonly dead: readonly string[];
  }
  const claim = () => start("dir.claimOwner()");
  const first = claim();
  const a = await taken<Claim>(first);
  const second = claim();
  const b = await taken<Claim>(second);
  const c = await taken<Claim>(claim());
  expect(new Set([a.owner, b.owner, c.owner]).size).toBe(3);
  expect([a.dead, b.dead, c.dead]).toEqual([[], [], []]);

  await endChild(second);
  await endChild(first);
  const d = await taken<Claim>(claim());
  // It takes a dead one's name over, and may free the leases of both.
  expect([a.owner, b.owner]).toContain(d.owner);
  expect(d.dead.toSorted()).toEqual([a.owner, b.owner].toSorted());
  // While it frees them nobody else can take the other's name; afterwards somebody may.
  const e = openDataDir(folder).claimOwner();
  expect([a.owner, b.owner, c.owner]).not.toContain(e.owner);
});

it("gives the names of dead processes back once their leases are freed", async () => {
  const children = [1, 2].map(() => start("dir.claimOwner()"));
  const names = await Promise.all(
    children.map(async (child) => (await taken<{ readonly owner: string }>(child)).owner),
  );
  for (const child of children) await endChild(child);
  const first = openDataDir(folder).claimOwner();
  first.release();
  expect(names).toContain(openDataDir(folder).claimOwner().owner);
});

it("makes a file once, for its owner's eyes only, and reads it ever after", () => {
  const dir = openDataDir(folder);
  expect(dir.existing("key")).toBeNull();
  expect(dir.once("key", () => "one")).toEqual({ value: "one", made: true });
  expect(dir.once("key", () => "two")).toEqual({ value: "one", made: false });
  expect(dir.existing("key")).toBe("one");
  expect(statSync(join(folder, "key")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, "key"), "utf8")).toBe("one\n");
});

it("gives all processes that start together the same key", () => {
  // The other process is quicker by exactly as much as it takes to make the value.
  const slow = openDataDir(folder).once("key", () => {
    openDataDir(folder).once("key", () => "theirs");
    return "mine";
  });
  expect(slow).toEqual({ value: "theirs", made: false });
});

it("does not take a damaged lock file for a process that is running", () => {
  writeFileSync(
    join(folder, "lock"),
    "this is not a lock file, it is longer than a header".repeat(9),
  );
  expect(() => openDataDir(folder).lockAlone()).toThrow(/not a database/);
});
