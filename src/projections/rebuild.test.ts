import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { nothing, wait } from "#engine/kit.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import {
  noting,
  openToyEngine,
  toyBindings,
  toyHead,
  toyWorkflow,
  type ToyEngine,
} from "#test/toy-engine.ts";
import { rebuild } from "./rebuild.ts";

/**
 * Law 1: what is not in the journal does not exist. Runs of every kind of end and of every kind of rest are dropped and
 * folded again; the rows must be the same, and the engine must go on as if nothing had happened.
 */
describeEachBackend("rebuild", (backend) => {
  let test: TestDatabase;
  const by = { actor: "dana" };
  beforeAll(async () => {
    test = await backend.open();
  });
  afterAll(() => test.drop());

  const refusing = async (): Promise<never> => {
    throw new Failure("BMC_REJECTED", "no");
  };
  const bell = {
    expected: "1s" as const,
    within: "7d" as const,
    run: async ({ signals }: { readonly signals: Readonly<Record<string, unknown>> }) =>
      signals["bell"] === undefined
        ? wait("nobody rang", { for: "6d", memo: { n: 1 } })
        : undefined,
  };
  const workflows = [
    toyWorkflow("server.inspect", toyHead())
      .step("one", {
        ...noting("one"),
        output: z.object({ odd: z.string() }),
        run: async ({ fact }) => {
          fact({ type: "lamp.lit", data: {} });
          return { odd: "a\0b \ud800" };
        },
      })
      .step("listen", { ...bell, undo: nothing("waits") })
      .result(({ prior }) => prior.one),
    toyWorkflow("server.provision", toyHead())
      .step("one", noting("one"))
      .step("two", noting("two", refusing))
      .result(() => null),
    toyWorkflow("server.lifecycle", toyHead())
      .step("one", noting("one"))
      .pivot("no way back")
      .step("two", { expected: "1s", run: refusing })
      .result(() => null),
    toyWorkflow("server.register", toyHead())
      .step("delegate", {
        expected: "1s",
        within: "7d",
        undo: nothing("its child stands for itself"),
        run: async ({ child, input }) => {
          await child.start("server.inspect", { serverId: input.serverId });
          const state = await child.state();
          return state?.status === "completed" ? undefined : wait("it is under way", { for: "6d" });
        },
      })
      .result(() => null),
    toyWorkflow("server.decommission", toyHead())
      .step("one", {
        ...noting("one"),
        undo: async ({ fact }) => fact({ type: "lamp.gone", data: {} }),
      })
      .step("two", noting("two", refusing))
      .result(() => null),
  ];

  const rows = async () => ({
    runs: await test.database.query("select * from runs order by id"),
    servers: await test.database.query("select * from servers order by id"),
    locks: await test.database.query("select resource, run_id from locks order by resource"),
    dispatch: await test.database.query("select run_id, kind from dispatch order by run_id"),
  });
  const build = () => rebuild({ database: test.database, bindings: toyBindings, now: Date.now() });

  /** Brings one run into every state that a run can rest in, and returns those that can go on. */
  async function live(toy: ToyEngine) {
    const { begin, ended, until, engine } = toy;
    const waiting = async (): Promise<RunId> => {
      const id = await begin("server.inspect");
      await until(id, ({ phase }) => phase === "waiting");
      return id;
    };
    const completed = await waiting();
    await engine.signal(completed, "bell", {});
    await ended(completed);
    const cancelled = await waiting();
    await engine.cancel({ run: cancelled, by: { ...by, reason: "wrong one" } });
    await ended(cancelled);
    await ended(await begin("server.provision"));
    const held = await ended(await begin("server.provision", { onFailure: "hold" }));
    const retried = await ended(await begin("server.provision", { onFailure: "hold" }));
    const retry = await engine.retry({ run: retried.id, by, retry: { fromStep: "two" } });
    await ended(retry.run.id);
    const abandoned = await ended(await begin("server.provision", { onFailure: "hold" }));
    await engine.abandon({ run: abandoned.id, by: { ...by, reason: "by hand" } });
    await ended(await begin("server.lifecycle"));
    await ended(await begin("server.decommission"));
    const parent = await begin("server.register");
    await until(parent, ({ phase }) => phase === "waiting");
    const [child] = await test.database.query<{ id: RunId }>(
      "select id from runs where parent = $1",
      [parent],
    );
    await until(child!.id, ({ phase }) => phase === "waiting");
    const paused = await waiting();
    await engine.pause({ run: paused, by });
    // A signal makes it due once more; then it leaves the schedule until it is resumed.
    await test.database.query("update dispatch set due_at = now() where run_id = $1", [paused]);
    await expect
      .poll(() => test.database.query("select 1 from dispatch where run_id = $1", [paused]), {
        timeout: 10_000,
      })
      .toEqual([]);
    const holders = [held.id, retry.run.id];
    return { open: await waiting(), holders, parent, child: child!.id, paused };
  }

  it("gives every row back as it was, and the engine goes on from there", async () => {
    const first = await openToyEngine({ database: test.database, workflows });
    const { open, holders, parent, child, paused } = await live(first);
    await first.stop();
    const before = await rows();
    expect(before.runs).toHaveLength(13);
    expect(new Set(before.locks.map((lock) => lock["run_id"]))).toEqual(
      new Set([open, ...holders, parent, paused]),
    );
    expect(new Set(before.dispatch.map((row) => row["run_id"]))).toEqual(
      new Set([open, parent, child]),
    );

    const report = await build();
    expect(report).toEqual({ streams: 24, runs: 13, resources: 10 });
    expect(await rows()).toEqual(before);
    // What was wrong is put right: that is what it is for.
    await test.database.query("update runs set status = 'completed', state = '{}'");
    await test.database.query("delete from servers");
    await test.database.query("insert into locks values ('srv_x', 'run_x', now())");
    await build();
    expect(await rows()).toEqual(before);

    const second = await openToyEngine({ database: test.database, workflows, owner: "toy/1" });
    const { engine, ended, until } = second;
    for (const run of [open, child]) await engine.signal(run, "bell", {});
    for (const run of [open, child, parent])
      expect(await ended(run)).toMatchObject({ status: "completed" });
    await engine.resume({ run: paused, by });
    await engine.signal(paused, "bell", {});
    expect(await ended(paused)).toMatchObject({ status: "completed" });
    for (const run of holders) {
      await engine.undo({ run, by });
      await until(run, ({ cleanup }) => cleanup === "complete");
    }
    await second.stop();
    expect((await rows()).locks).toEqual([]);
    expect((await rows()).dispatch).toEqual([]);
  });

  it("is refused, and changes nothing, while a process runs", async () => {
    const before = await rows();
    await test.database.query(
      "insert into dispatch (run_id, kind, due_at, lease_until, owner) values ('run_x', 'x@1', now(), now() + interval '1 minute', 'elsewhere/0')",
    );
    await expect(build()).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("elsewhere/0") as string,
    });
    expect((await rows()).runs).toEqual(before.runs);
    // A lease that has run out belongs to nobody.
    await test.database.query("update dispatch set lease_until = now() - interval '1 second'");
    await build();
    expect(await rows()).toEqual(before);
  });

  it("is refused when a stream is of no kind that this version knows", async () => {
    const before = await rows();
    await test.database.query(
      "insert into events (stream, version, type, data, meta, occurred_at, digest) values ('rack_1', 1, 'x', '{}', '{\"actor\": \"t\", \"schema\": 1}', now(), '')",
    );
    await expect(build()).rejects.toThrow(/rack_1 is of no kind/);
    expect(await rows()).toEqual(before);
  });
});
