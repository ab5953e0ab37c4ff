import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { noting, toyHead, toyWorkflow, type ToyEngine, type ToyOptions } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";
import { nothing, wait, type Workflow } from "./kit.ts";
import { faulty, typesIn, type FaultyDatabase } from "./testing/faulty-database.ts";

/** Runs while the database stutters and processes stop, stand still and come back. */
describeToys("adversity", (toys) => {
  const open = (workflow: Workflow, more: Partial<ToyOptions> = {}): Promise<ToyEngine> =>
    toys.open([workflow], more);
  const openFaulty = async (
    workflow: Workflow,
  ): Promise<ToyEngine & { readonly db: FaultyDatabase }> => {
    const db = faulty(toys.test.database);
    return { ...(await open(workflow, { database: db.database })), db };
  };
  const dispatched = (run: RunId) =>
    toys.test.database.query<{ owner: string | null }>(
      "select owner from dispatch where run_id = $1",
      [run],
    );

  describe("a database that does not answer", () => {
    /** Waits, fails, is undone; a fact on the way: every kind of commit that a slice makes. */
    const eventful = () => {
      let looks = 0;
      return toyWorkflow("server.inspect", toyHead())
        .step("one", {
          ...noting("one"),
          run: async ({ ports, fact }) => {
            ports.effects.push("one");
            fact({ type: "lamp.lit", data: {} });
          },
        })
        .step("look", {
          expected: "1s",
          within: "24h",
          undo: nothing("reads"),
          run: async () => {
            looks += 1;
            return looks < 3 ? wait(`look ${looks}`, { for: "100ms" }) : undefined;
          },
        })
        .step("two", {
          ...noting("two"),
          run: async ({ ports }) => {
            ports.effects.push("two");
            throw new Failure("BMC_REJECTED", "no");
          },
        })
        .result(() => null);
    };
    const story = `run.requested run.started
      step.started step.completed
      step.started step.waiting step.waiting step.completed
      step.started step.failed
      undo.started undo.completed undo.completed undo.started undo.completed
      run.failed`.split(/\s+/);
    const effects = ["one", "two", "undo two", "undo one"];

    it.each(["answer lost", "request lost"] as const)(
      "writes every outcome once when of every commit the first %s",
      async (loss) => {
        const { begin, ended, types, ports, journal, db } = await openFaulty(eventful());
        db.onCommit = (batch, before) =>
          before === 0 && !typesIn(batch).includes("run.requested") ? loss : "none";
        const run = await ended(await begin("server.inspect"));
        expect(await types(run.id)).toEqual(story);
        expect(ports.effects).toEqual(effects);
        expect(run.steps.map(({ losses }) => losses)).toEqual([0, 0, 0]);
        const lamp = (await journal.read(run.requested.resourceId)).map(({ type }) => type);
        expect(lamp).toEqual(["lamp.made", "lamp.began", "lamp.lit", "lamp.ended"]);
        expect(db.lost.length).toBeGreaterThan(6);
      },
    );

    it("writes an outcome once when its answer is lost and others write before it is offered again", async () => {
      const { begin, ended, types, ports, journal, db } = await openFaulty(eventful());
      // Somebody else's door: it runs nothing, and its commits do not queue behind the lost one.
      const { engine } = await open(eventful(), { workflows: [] });
      let run: RunId | null = null;
      db.onCommit = (batch, before) =>
        before === 0 && typesIn(batch).includes("step.completed") ? "answer lost" : "none";
      db.beforeLoss = () => engine.signal(run!, "bell", {});
      run = await begin("server.inspect");
      const { requested } = await ended(run);
      expect((await types(run)).filter((type) => type !== "run.signalled")).toEqual(story);
      expect((await types(run)).filter((type) => type === "run.signalled")).toHaveLength(2);
      expect(ports.effects).toEqual(effects);
      const lamp = (await journal.read(requested.resourceId)).map(({ type }) => type);
      expect(lamp.filter((type) => type === "lamp.lit")).toHaveLength(1);
    });

    it("records a fact once when nothing but the fact was written", async () => {
      let looks = 0;
      const { begin, ended, journal, db } = await openFaulty(
        toyWorkflow("server.inspect", toyHead())
          .step("look", {
            expected: "1s",
            within: "24h",
            undo: nothing("reads"),
            run: async ({ fact }) => {
              looks += 1;
              if (looks === 2) fact({ type: "lamp.lit", data: {} });
              return looks < 4 ? wait("the same as before", { for: "0s" }) : undefined;
            },
          })
          .result(() => null),
      );
      db.onCommit = (batch, before) =>
        before === 0 && typesIn(batch).join() === "lamp.lit" ? "answer lost" : "none";
      const run = await ended(await begin("server.inspect"));
      expect(db.lost).toEqual(["answer lost"]);
      const lamp = (await journal.read(run.requested.resourceId)).map(({ type }) => type);
      expect(lamp).toEqual(["lamp.made", "lamp.began", "lamp.lit", "lamp.ended"]);
    });
  });

  describe("a process that stops", () => {
    /** A step under way until the test lets it go, then another. */
    const gated = () => {
      let letGo: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (letGo = resolve));
      const workflow = toyWorkflow("server.inspect", toyHead())
        .step("one", {
          ...noting("one"),
          run: async ({ ports, key, signal }) => {
            ports.effects.push(key);
            await Promise.race([
              gate,
              new Promise((_resolve, reject) =>
                signal.addEventListener("abort", () => reject(new Error("aborted"))),
              ),
            ]);
          },
        })
        .step("two", noting("two"))
        .result(() => null);
      return { workflow, letGo };
    };

    it("lets its step end, begins no other, and another process goes on at once", async () => {
      const { workflow, letGo } = gated();
      const effects: string[] = [];
      const first = await open(workflow, { owner: "a/0", leaseMs: 60_000, effects });
      const id = await first.begin("server.inspect");
      await first.until(id, ({ steps }) => steps[0]?.status === "running");
      const stopping = first.engine.stop(60_000);
      letGo();
      await stopping;
      const halfway = await first.run(id);
      expect(halfway.steps.map(({ status }) => status)).toEqual(["completed", "pending"]);
      expect(await dispatched(id)).toEqual([{ owner: null }]);

      const second = await open(workflow, { owner: "b/0", effects });
      const run = await second.ended(id);
      expect(run.steps.map(({ attempts, losses }) => [attempts, losses])).toEqual([
        [1, 0],
        [1, 0],
      ]);
      expect(effects).toEqual([`${id}/one`, "two"]);
      expect(await second.types(id)).not.toContain("run.recovered");
    });

    it("aborts a step that takes too long, gives the run back, and the step is repeated under its key", async () => {
      const { workflow, letGo } = gated();
      const effects: string[] = [];
      const first = await open(workflow, { owner: "a/0", leaseMs: 60_000, effects });
      const id = await first.begin("server.inspect");
      await first.until(id, ({ steps }) => steps[0]?.status === "running");
      await first.engine.stop(1);
      expect(await dispatched(id)).toEqual([{ owner: null }]);
      expect((await first.run(id)).steps[0]?.status).toBe("running");

      letGo();
      const second = await open(workflow, { owner: "b/0", effects });
      expect(await second.ended(id)).toMatchObject({ status: "completed" });
      expect(effects).toEqual([`${id}/one`, `${id}/one`, "two"]);
    });

    it("gives back what a claim brings that was under way", async () => {
      const db = faulty(toys.test.database);
      let claiming: () => void = () => undefined;
      const claimed = new Promise<void>((resolve) => (claiming = resolve));
      let go: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (go = resolve));
      const { workflow } = gated();
      const toy = await open(workflow, { database: db.database, owner: "a/0", leaseMs: 60_000 });
      let isArmed = false;
      db.onOther = async (sql) => {
        if (!isArmed || !sql.includes("skip locked")) return;
        claiming();
        await gate;
      };
      isArmed = true;
      const id = await toy.begin("server.inspect");
      await claimed;
      const stopping = toy.engine.stop(60_000);
      go();
      await stopping;
      expect(await dispatched(id)).toEqual([{ owner: null }]);
      expect((await toy.run(id)).steps[0]?.status).toBe("pending");
      // The next test's engine must not find it.
      await toy.engine.cancel({ run: id, by: { actor: "tester" } });
    });
  });

  it("keeps a slice that began while a renewal of the others' leases was on its way", async () => {
    const db = faulty(toys.test.database);
    const held = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const later = Promise.withResolvers<void>();
    const letGo = Promise.withResolvers<void>();
    let renewal: "prompt" | "to be held" | "held" | "released" = "prompt";
    db.onOther = async (sql) => {
      if (!sql.includes("set lease_until = $3 from runs")) return;
      if (renewal === "released") return later.resolve();
      if (renewal !== "to be held") return;
      renewal = "held";
      held.resolve();
      await go.promise;
    };
    const aborted: string[] = [];
    const toy = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("long", {
          expected: "1s",
          within: "24h",
          undo: nothing("waits"),
          run: async ({ key, signal }) => {
            await Promise.race([
              letGo.promise,
              new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
            ]);
            if (signal.aborted) aborted.push(key);
          },
        })
        .result(() => null),
      { database: db.database, leaseMs: 3_000 },
    );
    const first = await toy.begin("server.inspect");
    await toy.until(first, ({ steps }) => steps[0]?.status === "running");
    renewal = "to be held";
    await held.promise;
    const second = await toy.begin("server.inspect");
    await toy.until(second, ({ steps }) => steps[0]?.status === "running");
    // The next renewal is asked for up to a second later; by then the slow one's answer has been judged.
    renewal = "released";
    go.resolve();
    await later.promise;
    letGo.resolve();
    for (const id of [first, second]) {
      expect(await toy.ended(id)).toMatchObject({ status: "completed", steps: [{ losses: 0 }] });
      expect(await toy.types(id)).not.toContain("run.recovered");
    }
    expect(aborted).toEqual([]);
  });

  it("runs one slice at a time of a run whose lease it let expire and then took again", async () => {
    const db = faulty(toys.test.database);
    let isCut = true;
    // Renewals do not get through, as when the event loop stands still; everything else does.
    db.onOther = (sql) => {
      if (isCut && sql.includes("set lease_until = $3 from runs")) throw new Error("cut off");
    };
    let active = 0;
    let most = 0;
    const story: string[] = [];
    const toy = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("long", {
          expected: "1s",
          within: "24h",
          undo: nothing("waits"),
          run: async ({ signal }) => {
            active += 1;
            most = Math.max(most, active);
            story.push("begins");
            if (story.length > 1) isCut = false;
            else
              await new Promise<void>((resolve) =>
                signal.addEventListener("abort", () => resolve(), { once: true }),
              );
            story.push("ends");
            active -= 1;
          },
        })
        .result(() => null),
      { database: db.database, leaseMs: 100 },
    );
    const run = await toy.ended(await toy.begin("server.inspect"));
    expect(run).toMatchObject({ status: "completed" });
    expect(most).toBe(1);
    // At least once it was lost and begun again; on a slow machine more often.
    expect(story.length).toBeGreaterThanOrEqual(4);
    expect(story.filter((_, at) => at % 2 === 0)).not.toContain("ends");
    const types = await toy.types(run.id);
    expect(types).toContain("run.recovered");
    expect(types.filter((type) => type === "step.completed")).toHaveLength(1);
    expect(types.filter((type) => type === "step.started")).toHaveLength(story.length / 2);
  });

  it("looks at the world before it calls a deadline missed that passed while no process was there", async () => {
    let hasCome = false;
    const workflow = toyWorkflow("server.inspect", toyHead())
      .step("look", {
        expected: "1s",
        within: "20m",
        undo: nothing("reads"),
        run: async () => (hasCome ? undefined : wait("not yet", { for: "1m" })),
      })
      .result(() => null);
    const before = await open(workflow);
    const id = await before.begin("server.inspect");
    const waiting = await before.until(id, ({ steps }) => steps[0]?.status === "waiting");
    await before.stop();
    hasCome = true;
    const { deadlineAt } = waiting.steps[0]!;
    await sleep(deadlineAt! - Date.now() + 1);
    const after = await open(workflow);
    expect(await after.ended(id)).toMatchObject({ status: "completed", steps: [{ attempts: 2 }] });
  });

  it("lets a step that polls fail for as long as its deadline allows", async () => {
    let looks = 0;
    const toy = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("look", {
          expected: "1s",
          within: "24h",
          poll: { min: "1s", max: "5s" },
          undo: nothing("reads"),
          run: async () => {
            looks += 1;
            if (looks <= 12) throw new Failure("KUBERNETES_UNAVAILABLE", "it is being upgraded");
          },
        })
        .result(() => null),
    );
    const run = await toy.ended(await toy.begin("server.inspect"));
    expect(run).toMatchObject({ status: "completed", steps: [{ attempts: 13 }] });
  });

  it("looks once more at the deadline when an outage leaves no time for a whole pause", async () => {
    let looks = 0;
    const toy = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("look", {
          expected: "1s",
          within: "20m",
          poll: { min: "1s", max: "5s" },
          undo: nothing("reads"),
          run: async () => {
            looks += 1;
            if (looks === 1)
              throw new Failure("KUBERNETES_UNAVAILABLE", "it is away", { retryAfterMs: 60_000 });
          },
        })
        .result(() => null),
    );
    const run = await toy.ended(await toy.begin("server.inspect"));
    expect(run).toMatchObject({ status: "completed", steps: [{ attempts: 2 }] });
  });

  it("lets a look that began before its deadline see what there is", async () => {
    let looks = 0;
    const toy = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("look", {
          expected: "1s",
          within: "10m",
          undo: nothing("reads"),
          run: async ({ deadlineAt }) => {
            looks += 1;
            if (looks === 1) return wait("not yet", { until: deadlineAt - 50 });
            await sleep(300);
            return undefined;
          },
        })
        .result(() => null),
    );
    const run = await toy.ended(await toy.begin("server.inspect"));
    expect(run).toMatchObject({ status: "completed" });
  });
});
