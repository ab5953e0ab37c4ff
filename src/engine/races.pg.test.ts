import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RunId } from "#contract/ids.ts";
import { postgresBackend, type TestDatabase } from "#test/backends.ts";
import { type Child, endChild } from "#test/processes/child.ts";
import { startScript } from "#test/script-child.ts";
import { openToyEngine, toyHead, toyWorkflow, type ToyEngine } from "#test/toy-engine.ts";
import { faulty } from "./testing/faulty-database.ts";

/**
 * Several processes on one server. Whatever they do to each other, each step has one outcome in the journal, and every
 * one of its effects was announced there before.
 */
describe.skipIf(postgresBackend === null)("races (needs TEST_DATABASE_URL)", () => {
  let test: TestDatabase;
  const opened: ToyEngine[] = [];
  const children: Child[] = [];
  beforeAll(async () => {
    test = await postgresBackend!.open();
  });
  afterEach(async () => {
    for (const toy of opened.splice(0)) await toy.stop();
    for (const child of children.splice(0)) await endChild(child);
  });
  afterAll(() => test.drop());

  const STEPS = ["one", "two", "three"] as const;
  const RUNS = 12;

  it("between engines that lose their leases without noticing leave one outcome of each step", async () => {
    const effects: string[] = [];
    const refused: string[] = [];
    /** The engine that a run's second step stands still in, the first time that it is tried there. */
    const stalls = new Map<RunId, string>();
    const isTakenFrom = async (owner: string, run: RunId): Promise<boolean> => {
      const [row] = await test.database.query<{ owner: string | null }>(
        "select owner from dispatch where run_id = $1",
        [run],
      );
      return row?.owner !== owner;
    };

    const openEngine = async (owner: string): Promise<ToyEngine> => {
      const db = faulty(await test.another());
      let standing = 0;
      // A process that stands still neither renews leases nor claims runs; its step does not hear the signal either.
      db.onOther = (sql) => {
        if (standing > 0 && /set lease_until = \$3 from runs|skip locked/.test(sql))
          throw new Error("this process stands still");
      };
      const undo = async (): Promise<void> => undefined;
      const note = async ({ key }: { key: string }): Promise<void> => void effects.push(key);
      const workflow = toyWorkflow("server.inspect", toyHead())
        .step("one", { expected: "1s", within: "24h", undo, run: note })
        .step("two", {
          expected: "1s",
          within: "24h",
          undo,
          run: async ({ key, run }) => {
            effects.push(key);
            const others = [...stalls.values()].filter((each) => each === owner).length;
            if (owner === "never/0" || stalls.has(run.id) || others >= 2) return;
            stalls.set(run.id, owner);
            standing += 1;
            await expect.poll(() => isTakenFrom(owner, run.id), { timeout: 20_000 }).toBe(true);
            standing -= 1;
          },
        })
        .step("three", {
          expected: "1s",
          within: "24h",
          undo,
          run: async ({ key, run }) => {
            effects.push(key);
            // Somebody writes between the step's effect and the commit of its outcome.
            await door.engine.signal(run.id, "bell", {});
          },
        })
        .result(() => null);
      const toy = await openToyEngine({
        database: db.database,
        workflows: [workflow],
        owner,
        leaseMs: 1_000,
        effects,
      });
      refusedBy.push(() => refused.push(...db.refused));
      opened.push(toy);
      return toy;
    };
    const refusedBy: (() => void)[] = [];
    const door = await openToyEngine({ database: test.database, workflows: [] });
    opened.push(door);
    const [first] = await Promise.all(["a/0", "b/0", "never/0"].map(openEngine));
    const runs = await Promise.all(
      Array.from({ length: RUNS }, () => first!.begin("server.inspect")),
    );

    for (const run of runs) {
      const state = await first!.ended(run);
      expect(state).toMatchObject({ status: "completed" });
      const events = await first!.journal.read(run);
      const of = (type: string) =>
        events
          .filter((event) => event.type === type)
          .map(({ data }) => (data as { step: string }).step);
      expect(of("step.completed")).toEqual(STEPS);
      expect(events.filter(({ type }) => type === "run.completed")).toHaveLength(1);
      expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
      for (const name of STEPS) {
        const done = effects.filter((key) => key === `${run}/${name}`).length;
        const announced = of("step.started").filter((step) => step === name).length;
        expect(done).toBeGreaterThan(0);
        expect(done).toBeLessThanOrEqual(announced);
      }
      if (stalls.has(run)) expect(of("run.recovered")).toContain("two");
      const lamp = (await first!.journal.read(state.requested.resourceId)).map(({ type }) => type);
      expect(lamp).toEqual(["lamp.made", "lamp.began", "lamp.ended"]);
    }
    const rows = await test.database.query(
      "select run_id from dispatch union select run_id from locks",
    );
    expect(rows).toEqual([]);
    // Otherwise this test has tried nothing: stale runners were refused, and outcomes met what others wrote.
    await expect.poll(() => stalls.size).toBeGreaterThan(0);
    for (const collect of refusedBy) collect();
    expect(refused.filter((code) => code === "MW004").length).toBeGreaterThanOrEqual(1);
    expect(refused.filter((code) => code === "MW001").length).toBeGreaterThanOrEqual(RUNS);
  });

  /** Another process with the same workflow, whose commits and effects can be read on its output. */
  const other = `
    import { openPostgres } from "#platform/postgres.ts";
    import { openToyEngine, toyHead, toyWorkflow } from "#test/toy-engine.ts";
    import { faulty } from "#engine/testing/faulty-database.ts";
    const db = faulty(await openPostgres(process.argv[1], { maxConnections: 4 }));
    const say = (text) => process.stdout.write(text + "\\n");
    db.refused.push = (code) => say("refused " + code);
    const workflow = toyWorkflow("server.inspect", toyHead())
      .step("one", { expected: "1s", within: "24h", undo: async () => undefined, run: async ({ key }) => {
        say("effect " + key);
        await new Promise((resolve) => setTimeout(resolve, 300));
        say("done " + key);
      } })
      .step("two", { expected: "1s", undo: async () => undefined, run: async ({ key }) => say("effect " + key) })
      .result(() => "by the other process");
    await openToyEngine({ database: db.database, workflows: [workflow], owner: "other/0", leaseMs: 1_000 });
    say("ready");
  `;

  it("with a process that was stopped beyond its lease and woke up leave it nothing to write", async () => {
    const child = startScript(other, [test.url!]);
    children.push(child);
    await child.says(/ready/);
    const effects: string[] = [];
    const note = async ({ key }: { key: string }): Promise<void> => void effects.push(key);
    const workflow = toyWorkflow("server.inspect", toyHead())
      .step("one", { expected: "1s", within: "24h", undo: note, run: note })
      .step("two", { expected: "1s", undo: note, run: note })
      .result(() => "by this process");

    // A door without a runner: only the other process can take the run.
    const door = await openToyEngine({ database: test.database, workflows: [workflow] });
    opened.push(door);
    await door.engine.stop(1_000);
    const run = await door.begin("server.inspect");
    await child.says(new RegExp(`effect ${run}/one`));
    child.signal("SIGSTOP");

    const here = await openToyEngine({
      database: await test.another(),
      workflows: [workflow],
      owner: "here/1",
      effects,
    });
    opened.push(here);
    const ended = await here.ended(run);
    expect(ended).toMatchObject({ status: "completed", output: "by this process" });
    expect(effects).toEqual([`${run}/one`, `${run}/two`]);
    const before = await here.journal.read(run);
    expect(before.findLast(({ type }) => type === "run.recovered")?.data).toEqual({
      lostOwner: "other/0",
      step: "one",
    });

    child.signal("SIGCONT");
    await child.says(new RegExp(`done ${run}/one`));
    await child.says(/refused MW004/);
    expect(child.stdout()).not.toContain(`effect ${run}/two`);
    expect(await here.journal.read(run)).toEqual(before);
  });
});
