import { expect, it } from "vitest";
import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { RunState } from "#engine/run-state.ts";
import { noting, toyHead, toyWorkflow, type ToyEngine } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";
import { nothing, wait, type Workflow } from "./kit.ts";
import { faulty, typesIn, type FaultyDatabase } from "./testing/faulty-database.ts";

/** Runs that failed and asked for a person, and what becomes of that when a later run mends their resource. */
describeToys("a run that asks for attention", (toys) => {
  let db: FaultyDatabase;
  let toy: ToyEngine;
  /** What goes wrong, by the note of the run. */
  const goesWrong = (note: string | undefined, where: string): void => {
    if (note?.split(" ").includes(where) === true) throw new Failure("BMC_REJECTED", where);
  };
  const change = toyWorkflow("server.provision", toyHead())
    .step("prepare", {
      ...noting("prepare"),
      run: async ({ input, fact }) => {
        if (input.note === "crack") fact({ type: "lamp.cracked", data: {} });
      },
      undo: async ({ input }) => goesWrong(input.note, "undo"),
    })
    .step("before", {
      ...noting("before"),
      run: async ({ input }) => goesWrong(input.note, "before"),
    })
    .pivot("the lamp is switched")
    .step("after", {
      expected: "1s",
      run: async ({ input, fact }) => {
        goesWrong(input.note, "after");
        if (input.note === "mend") fact({ type: "lamp.mended", data: {} });
        if (input.note === "remove") fact({ type: "lamp.gone", data: {} });
      },
    })
    .result(() => null);
  const look = toyWorkflow("sync.server-state", toyHead())
    .step("look", { expected: "1s", undo: nothing("reads"), run: async () => undefined })
    .result(() => null);
  const parent = toyWorkflow("server.lifecycle", toyHead())
    .step("delegate", {
      expected: "1s",
      within: "24h",
      undo: nothing("its child does everything"),
      output: z.object({ child: z.string() }),
      run: async ({ child, input }) => {
        const { serverId, note } = input;
        const run = await child.start("server.provision", { serverId, note, onFailure: "hold" });
        const state = await child.state();
        return state?.status === "failed" ? { child: run } : wait("the child", { for: "20h" });
      },
    })
    .result(({ prior }) => prior.delegate.child);
  const workflows: Workflow[] = [change, look, parent];

  const open = async (): Promise<void> => {
    db = faulty(toys.test.database);
    toy = await toys.open(workflows, { database: db.database });
  };

  /** Another run on the lamp of the first, once it has ended. */
  const then = async (
    { requested }: RunState,
    note?: string,
    workflow: Workflow["type"] = "server.provision",
  ): Promise<RunState> => {
    const { run } = await toy.engine.start({
      workflow,
      input: { serverId: requested.resourceId, note },
      project: "toy",
      source: "atlas",
      by: { actor: "dana" },
    });
    return toy.ended(run.id);
  };
  const first = async (note: string, workflow: Workflow["type"] = "server.provision") =>
    toy.ended(await toy.begin(workflow, { note }));
  const asks = async (id: RunId): Promise<boolean> => {
    const rows = await toys.test.database.query<{ attention: boolean; stored: boolean }>(
      "select attention, state->'attention' <> 'null' as stored from runs where id = $1",
      [id],
    );
    const { attention } = await toy.run(id);
    // The row is the fold, in the column by which lists are filtered and in what a view is made of.
    expect(rows).toEqual([{ attention: attention !== null, stored: attention !== null }]);
    return attention !== null;
  };

  it("asks no more once a later change of its resource has come to its end, in one transaction", async () => {
    await open();
    const failed = await first("after");
    expect(await asks(failed.id)).toBe(true);
    const mended = await then(failed);
    expect(await asks(failed.id)).toBe(false);
    expect(await toy.run(failed.id)).toMatchObject({ status: "failed", error: failed.error });
    const told = (await toy.journal.read(failed.id)).at(-1);
    expect(told).toMatchObject({ type: "run.overtaken", data: { by: mended.id } });
    const end = (await toy.journal.read(mended.id)).at(-1);
    expect(end).toMatchObject({ type: "run.completed", cursor: { tx: told?.cursor.tx } });
  });

  it("asks no more when its undo had failed, and is told once by whichever run came first", async () => {
    await open();
    const incomplete = await first("before undo");
    expect(incomplete.cleanup).toBe("incomplete");
    const another = await then(incomplete, "after");
    const elsewhere = await first("after");
    await then(incomplete);
    await then(incomplete);
    expect(await asks(incomplete.id)).toBe(false);
    expect(await asks(another.id)).toBe(false);
    expect(await asks(elsewhere.id)).toBe(true);
    expect((await toy.run(incomplete.id)).cleanup).toBe("incomplete");
    for (const { id } of [incomplete, another])
      expect((await toy.types(id)).filter((type) => type === "run.overtaken")).toHaveLength(1);
  });

  it("asks on after runs that came to nothing or only looked", async () => {
    await open();
    const failed = await first("after");
    expect(await then(failed, "before")).toMatchObject({ status: "failed", cleanup: "complete" });
    expect(await then(failed, undefined, "sync.server-state")).toMatchObject({
      status: "completed",
    });
    expect(await asks(failed.id)).toBe(true);
  });

  it("asks on while its resource's record says that something is wrong", async () => {
    await open();
    const failed = await first("after");
    await then(failed, "crack");
    expect(await asks(failed.id)).toBe(true);
    await then(failed, "mend");
    expect(await asks(failed.id)).toBe(false);
  });

  it("asks no more when its resource is there no more", async () => {
    await open();
    const failed = await first("after");
    await then(failed, "remove");
    expect(await asks(failed.id)).toBe(false);
  });

  it("asks on while it is held, as a child can be that never had a lock", async () => {
    await open();
    const started = await first("before", "server.lifecycle");
    const held = started.output as RunId;
    expect(await toy.run(held)).toMatchObject({ status: "failed", cleanup: "held" });
    expect(await then(started)).toMatchObject({ status: "completed" });
    expect(await asks(held)).toBe(true);
  });

  it("is told once when the answer to that is lost", async () => {
    await open();
    const failed = await first("after");
    db.onCommit = (batch, before) =>
      before === 0 && typesIn(batch).includes("run.overtaken") ? "answer lost" : "none";
    const mended = await then(failed);
    expect(mended.status).toBe("completed");
    expect(await asks(failed.id)).toBe(false);
    const told = (await toy.types(failed.id)).filter((type) => type === "run.overtaken");
    expect(told).toHaveLength(1);
  });

  it("may be abandoned by a person just before, and the other run ends all the same", async () => {
    await open();
    const failed = await first("after");
    let offered = 0;
    const abandon = () =>
      toy.engine.abandon({ run: failed.id, by: { actor: "dana", reason: "by hand" } });
    const abandoned: Promise<RunState>[] = [];
    db.onCommit = (batch) => {
      if (!typesIn(batch).includes("run.overtaken")) return "none";
      offered += 1;
      if (offered > 1) return "none";
      abandoned.push(abandon());
      return "request lost";
    };
    expect(await then(failed)).toMatchObject({ status: "completed" });
    await Promise.all(abandoned);
    expect(offered).toBe(1);
    expect((await toy.types(failed.id)).at(-1)).toBe("run.abandoned");
  });
});
