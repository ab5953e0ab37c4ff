import { expect, it } from "vitest";
import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { noting, openToyEngine, toyHead, toyWorkflow, type ToyEngine } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";
import { nothing, skip, wait, type Workflow } from "./kit.ts";

const reject =
  (code: "BMC_REJECTED" | "BMC_CONNECTION_FAILED" = "BMC_REJECTED") =>
  async (): Promise<never> => {
    throw new Failure(code, "the lamp says no");
  };

describeToys("engine", (toys) => {
  const open = (...workflows: Workflow[]): Promise<ToyEngine> => toys.open(workflows);

  it("runs the steps in order, passes outputs on, and ends with the result and the lock released", async () => {
    const { begin, ended, types, ports, engine, journal } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("first", {
          expected: "1s",
          output: z.object({ n: z.number() }),
          undo: nothing("reads"),
          run: async () => ({ n: 2 }),
        })
        .step("second", {
          ...noting("second"),
          run: async ({ prior, ports: { effects }, fact }) => {
            effects.push(`second ${prior.first.n}`);
            fact({ type: "lamp.lit", data: {} });
          },
        })
        .step("third", { expected: "1s", undo: nothing("skips"), run: async () => skip("no need") })
        .result(({ prior }) => ({ doubled: prior.first.n * 2 })),
    );
    const run = await ended(await begin("server.inspect"));
    expect(run).toMatchObject({
      status: "completed",
      phase: "ended",
      output: { doubled: 4 },
      cleanup: "none",
    });
    expect(run.steps.map((step) => step.status)).toEqual(["completed", "completed", "skipped"]);
    expect(ports.effects).toEqual(["second 2"]);
    expect(await types(run.id)).toEqual([
      "run.requested",
      "run.started",
      "step.started",
      "step.completed",
      "step.started",
      "step.completed",
      "step.started",
      "step.completed",
      "run.completed",
    ]);
    const lamp = (await journal.read(run.requested.resourceId)).map((event) => event.type);
    expect(lamp).toEqual(["lamp.made", "lamp.began", "lamp.lit", "lamp.ended"]);
    const again = await engine.start({
      workflow: "server.inspect",
      input: { serverId: run.requested.resourceId },
      project: "toy",
      source: "atlas",
      by: { actor: "t" },
    });
    expect(await ended(again.run.id)).toMatchObject({ status: "completed" });
  });

  it("undoes every step that started, last first, the failed one included", async () => {
    const { begin, ended, ports, types } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("one", noting("one"))
        .step("look", { expected: "1s", undo: nothing("reads"), run: async () => undefined })
        .step("two", noting("two", reject()))
        .step("never", noting("never"))
        .result(() => null),
    );
    const run = await ended(await begin("server.inspect"));
    expect(run).toMatchObject({
      status: "failed",
      cleanup: "complete",
      error: { code: "BMC_REJECTED", step: "two" },
      attention: null,
    });
    expect(ports.effects).toEqual(["one", "two", "undo two", "undo one"]);
    expect(run.steps.map(({ status, undo }) => [status, undo])).toEqual([
      ["completed", "undone"],
      ["completed", "nothing"],
      ["failed", "undone"],
      ["skipped", null],
    ]);
    expect((await types(run.id)).slice(-6)).toEqual([
      "undo.started",
      "undo.completed",
      "undo.completed",
      "undo.started",
      "undo.completed",
      "run.failed",
    ]);
  });

  it("retries by code, holding nothing meanwhile, and gives up by the table", async () => {
    let tries = 0;
    const { begin, ended, until } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("flaky", {
          expected: "1s",
          attempts: 3,
          undo: nothing("reads"),
          run: async () => {
            tries += 1;
            throw new Failure("BMC_CONNECTION_FAILED", "nobody there", { retryAfterMs: 50 });
          },
        })
        .result(() => null),
    );
    const id = await begin("server.inspect");
    const waiting = await until(id, (state) => state.phase === "waiting");
    expect(waiting.waiting?.reason).toBe("retrying flaky after BMC_CONNECTION_FAILED");
    const run = await ended(id);
    expect(tries).toBe(3);
    expect(run.steps[0]).toMatchObject({ attempts: 3, failures: 3, status: "failed" });
  });

  it("waits as a row with a reason and a deadline, keeps the memo, and is woken by a signal", async () => {
    const looks: unknown[] = [];
    const { begin, ended, until, engine, types } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("call", {
          expected: "1s",
          within: "24h",
          undo: nothing("waits"),
          run: async ({ signals, memo }) => {
            looks.push(memo);
            return signals["bell"] === undefined
              ? wait("nobody rang", { for: "20h", wakesOn: "the bell", memo: { seen: true } })
              : undefined;
          },
        })
        .result(() => "rung"),
    );
    const id = await begin("server.inspect");
    const waiting = await until(id, (state) => state.phase === "waiting");
    expect(waiting.waiting).toMatchObject({ reason: "nobody rang", wakesOn: "the bell" });
    expect(waiting.waiting!.until).toBe(waiting.steps[0]!.deadlineAt);
    await engine.signal(id, "bell", { loud: true });
    expect(await ended(id)).toMatchObject({ status: "completed", output: "rung" });
    expect(looks).toEqual([undefined, { seen: true }]);
    expect((await types(id)).filter((type) => type === "step.waiting")).toHaveLength(1);
  });

  it("fails a step that is still waiting at its deadline", async () => {
    const { begin, ended, ports } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("endless", {
          ...noting("endless", async () => wait("it never comes", { for: "30s" })),
          within: "2m",
        })
        .result(() => null),
    );
    const run = await ended(await begin("server.inspect"));
    expect(run.error).toMatchObject({ code: "STEP_TIMEOUT", step: "endless" });
    expect(run.error?.message).toContain("it never comes");
    expect(ports.effects.at(-1)).toBe("undo endless");
  });

  it("ends a step that has no time for another try with what went wrong", async () => {
    const { begin, ended } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("refused", {
          ...noting("refused", async () => {
            throw new Failure("BMC_CONNECTION_FAILED", "it refused", { details: { port: 443 } });
          }),
          within: "1s",
        })
        .result(() => null),
    );
    const run = await ended(await begin("server.inspect"));
    expect(run.error).toMatchObject({
      code: "BMC_CONNECTION_FAILED",
      message: "it refused; the deadline of refused leaves no time for another try",
      details: { port: 443 },
    });
  });

  it("stops a step that overruns its deadline while it executes", async () => {
    const { begin, ended } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("stuck", {
          expected: "1s",
          within: "1m",
          undo: nothing("hangs"),
          run: ({ signal }) =>
            new Promise<void>((_resolve, rejectIt) =>
              signal.addEventListener("abort", () => rejectIt(new Error("aborted"))),
            ),
        })
        .result(() => null),
    );
    expect((await ended(await begin("server.inspect"))).error?.code).toBe("STEP_TIMEOUT");
  });

  it("cancels: aborts the step's signal, undoes what started, ends cancelled", async () => {
    let aborted = false;
    const { begin, ended, until, engine, ports } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("one", noting("one"))
        .step("busy", {
          ...noting("busy"),
          run: ({ signal, ports: { effects } }) => {
            effects.push("busy");
            return new Promise<void>((_resolve, rejectIt) =>
              signal.addEventListener("abort", () => {
                aborted = true;
                rejectIt(new Error("aborted"));
              }),
            );
          },
        })
        .result(() => null),
    );
    const id = await begin("server.inspect");
    await until(id, (state) => state.steps[1]?.status === "running");
    await engine.cancel({ run: id, by: { actor: "dana", reason: "wrong host" } });
    const run = await ended(id);
    expect(aborted).toBe(true);
    expect(run).toMatchObject({
      status: "cancelled",
      cleanup: "complete",
      error: null,
      cancel: { actor: "dana", reason: "wrong host" },
    });
    expect(ports.effects).toEqual(["one", "busy", "undo busy", "undo one"]);
    await expect(engine.cancel({ run: id, by: { actor: "dana" } })).rejects.toMatchObject({
      code: "INVALID_STATE_TRANSITION",
    });
  });

  it("refuses to cancel past the pivot, and asks for attention when a step fails there", async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { begin, ended, until, engine, ports } = await open(
      toyWorkflow("server.provision", toyHead())
        .step("before", noting("before"))
        .pivot("the disk is overwritten")
        .step("after", {
          expected: "1s",
          run: async () => {
            await gate;
            throw new Failure("PROVISIONING_FAILED", "no luck");
          },
        })
        .step("later", { expected: "1s", run: async () => undefined })
        .result(() => null),
    );
    const id = await begin("server.provision");
    await until(id, (state) => state.steps[1]?.status === "running");
    await expect(engine.cancel({ run: id, by: { actor: "dana" } })).rejects.toMatchObject({
      code: "PAST_PIVOT",
      message: expect.stringContaining("the disk is overwritten") as string,
    });
    release();
    const run = await ended(id);
    expect(run).toMatchObject({
      status: "failed",
      cleanup: "none",
      attention: {
        code: "PROVISIONING_FAILED",
        step: "after",
        done: ["before"],
        notDone: ["after", "later"],
      },
    });
    expect(ports.effects).toEqual(["before"]);
    const abandon = (reason?: string) =>
      engine.abandon({ run: id, by: { actor: "dana", ...(reason !== undefined && { reason }) } });
    await expect(abandon()).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
    expect(await abandon("replaced the board")).toMatchObject({
      attention: null,
      abandoned: true,
      status: "failed",
    });
    await expect(abandon("again")).rejects.toMatchObject({ code: "INVALID_STATE_TRANSITION" });
  });

  it("holds partial state on request, keeps the lock, and undoes it when asked", async () => {
    const { begin, ended, until, engine, ports } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("one", noting("one"))
        .step("two", noting("two", reject()))
        .result(() => null),
    );
    const id = await begin("server.inspect", { onFailure: "hold" });
    const held = await ended(id);
    expect(held).toMatchObject({
      status: "failed",
      cleanup: "held",
      attention: { code: "BMC_REJECTED" },
    });
    const again = () =>
      engine.start({
        workflow: "server.inspect",
        input: { serverId: held.requested.resourceId },
        project: "toy",
        source: "atlas",
        by: { actor: "t" },
      });
    await expect(again()).rejects.toMatchObject({ code: "CONFLICT", details: { activeRunId: id } });
    await engine.undo({ run: id, by: { actor: "dana" } });
    const undone = await until(id, (state) => state.cleanup === "complete");
    expect(undone).toMatchObject({
      status: "failed",
      phase: "ended",
      error: { code: "BMC_REJECTED" },
    });
    expect(ports.effects).toEqual(["one", "two", "undo two", "undo one"]);
    await ended((await again()).run.id);
  });

  it("says incomplete and asks for attention when an undo cannot be done, and can undo later", async () => {
    let broken = true;
    const { begin, ended, until, engine, ports } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("one", noting("one"))
        .step("two", {
          ...noting("two", reject()),
          undo: async ({ ports: { effects } }) => {
            if (broken) throw new Failure("BMC_REJECTED", "cannot eject");
            effects.push("undo two");
          },
        })
        .result(() => null),
    );
    const run = await ended(await begin("server.inspect"));
    expect(run).toMatchObject({
      status: "failed",
      cleanup: "incomplete",
      attention: { code: "BMC_REJECTED", step: "two", notDone: ["two"], done: ["one"] },
    });
    broken = false;
    await engine.undo({ run: run.id, by: { actor: "dana" } });
    await until(run.id, (state) => state.cleanup === "complete");
    expect(ports.effects).toEqual(["one", "two", "undo two", "undo one"]);
  });

  it("pauses between steps and resumes with deadlines moved", async () => {
    let goOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { begin, ended, until, engine, ports } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("one", {
          ...noting("one"),
          run: async ({ ports: { effects } }) => {
            await gate;
            effects.push("one");
          },
        })
        .step("two", noting("two"))
        .result(() => null),
    );
    const id = await begin("server.inspect");
    await until(id, (state) => state.steps[0]?.status === "running");
    await engine.pause({ run: id, by: { actor: "dana", reason: "maintenance" } });
    goOn();
    const paused = await until(id, (state) => state.steps[0]?.status === "completed");
    expect(paused.phase).toBe("paused");
    expect(ports.effects).toEqual(["one"]);
    await engine.resume({ run: id, by: { actor: "dana" } });
    expect(await ended(id)).toMatchObject({ status: "completed" });
    expect(ports.effects).toEqual(["one", "two"]);
  });

  it("retries from a step whose predecessors still stand, reusing their outputs, and with an edited input", async () => {
    let broken = true;
    const { begin, ended, engine, ports, types } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("read", {
          expected: "1s",
          output: z.object({ n: z.number() }),
          undo: nothing("reads"),
          run: async ({ ports: { effects } }) => {
            effects.push("read");
            return { n: 7 };
          },
        })
        .step("work", {
          ...noting("work"),
          run: async ({ prior, input, ports: { effects } }) => {
            if (broken) throw new Failure("BMC_REJECTED", "no");
            effects.push(`work ${prior.read.n} ${input.note}`);
          },
        })
        .step("more", noting("more"))
        .result(() => null),
    );
    const failed = await ended(await begin("server.inspect"));
    broken = false;
    const retry = (fromStep?: string) =>
      engine.retry({
        run: failed.id,
        by: { actor: "dana" },
        retry: { ...(fromStep !== undefined && { fromStep }), input: { note: "edited" } },
      });
    await expect(retry("nowhere")).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      details: { steps: ["read", "work", "more"] },
    });
    await expect(retry("more")).rejects.toMatchObject({
      code: "INVALID_STATE_TRANSITION",
      details: { earliestStep: "work" },
    });
    const { run } = await retry("work");
    const retried = await ended(run.id);
    expect(retried).toMatchObject({
      status: "completed",
      requested: { retryOf: failed.id, fromStep: "work" },
    });
    expect(retried.steps[0]?.status).toBe("reused");
    expect(ports.effects).toEqual(["read", "undo work", "work 7 edited", "more"]);
    expect((await types(failed.id)).at(-1)).toBe("run.retried");
    await expect(retry()).rejects.toMatchObject({
      code: "INVALID_STATE_TRANSITION",
      details: { retriedBy: run.id },
    });
  });

  it("goes on where a dead process stopped, repeating only the step that was under way", async () => {
    const effects: string[] = [];
    const workflow = toyWorkflow("server.inspect", toyHead())
      .step("one", noting("one"))
      .step("two", {
        ...noting("two"),
        run: async ({ ports, key }) => {
          ports.effects.push(key);
          // The first process never comes back from here.
          if (ports.effects.filter((effect) => effect === key).length === 1)
            await new Promise(() => undefined);
        },
      })
      .result(() => null);
    const first = await openToyEngine({
      database: toys.test.database,
      workflows: [workflow],
      owner: "dead/0",
      effects,
    });
    const id = await first.begin("server.inspect");
    await first.until(id, (state) => state.steps[1]?.status === "running");
    // Not stopped: as good as killed. The second process knows that the first one is dead.
    const toy = await toys.open([workflow], { owner: "alive/0", dead: ["dead/0"], effects });
    const run = await toy.ended(id);
    expect(run.steps[1]).toMatchObject({ status: "completed", attempts: 2, losses: 1 });
    expect(effects).toEqual(["one", `${id}/two`, `${id}/two`]);
    expect(await toy.types(id)).toContain("run.recovered");
    await first.journal.close();
  });
});
