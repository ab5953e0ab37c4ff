import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openJournal } from "#journal/postgres-journal.ts";
import { openPglite } from "#platform/pglite.ts";
import { command } from "#test/processes/control-plane.ts";
import { copyDatabase } from "#test/processes/prepared-database.ts";

/** The commands `dump` and `restore` as an operator types them: from one data directory through a file to another. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millwright-dump-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A data directory with this many events in it. */
async function filled(name: string, events: number): Promise<string> {
  const dataDir = join(folder, name);
  await copyDatabase(dataDir);
  const database = await openPglite(join(dataDir, "database"));
  const journal = await openJournal(database);
  if (events > 0)
    await journal.commit({
      appends: [
        {
          stream: "srv_tally",
          expected: 0,
          events: Array.from({ length: events }, (_, n) => ({
            type: "counted",
            data: { n },
            meta: { actor: "tester", schema: 1 },
            at: 1_772_438_700_000 + n,
          })),
        },
      ],
    });
  await journal.close();
  await database.close();
  return dataDir;
}

/** Nobody listens on port 1. */
const closedDatabase = "postgres://postgres@127.0.0.1:1/postgres";

const on = (dataDir: string) => ({ MILLWRIGHT_DATA_DIR: dataDir });

describe("dump and restore", { timeout: 180_000 }, () => {
  // Fewer lines than one read of the file, and more than one page of rows.
  it.each([100, 1_500])("carry %i events from one installation to another", async (events) => {
    const from = await filled(`from-${events}`, events);
    const to = await filled(`to-${events}`, 0);
    const file = join(folder, `dump-${events}`);
    expect(await command(["dump", file], on(from))).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(file, "utf8").trimEnd().split("\n")).toHaveLength(events + 2);
    expect(await command(["restore", file], on(to))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`restored ${events} events`) as string,
      stderr: "",
    });
    const again = join(folder, `again-${events}`);
    expect(await command(["dump", again], on(to))).toMatchObject({ code: 0 });
    const rows = (path: string) => readFileSync(path, "utf8").split("\n").slice(1);
    expect(rows(again)).toEqual(rows(file));
  });

  it("say in one line what file they cannot write or read", async () => {
    const dataDir = await filled("words", 0);
    expect(await command(["dump", "/nonexist/x"], on(dataDir))).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^millwright: cannot write \/nonexist\/x: ENOENT.*\n$/,
      ) as string,
    });
    expect(await command(["restore", "/nope"], on(dataDir))).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^millwright: cannot read \/nope: ENOENT.*\n$/) as string,
    });
    expect(await command(["restore", folder], on(dataDir))).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^millwright: .*EISDIR.*\n$/) as string,
    });
  });

  it("leave no half of a dump behind", async () => {
    const target = join(folder, "half");
    const missing = { ...on(join(folder, "half-data")), MILLWRIGHT_DATABASE_URL: closedDatabase };
    expect(await command(["dump", target], missing)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("MILLWRIGHT_DATABASE_URL") as string,
    });
    expect(readdirSync(folder).filter((name) => name.startsWith("half"))).toEqual(["half-data"]);
  });
});
