import { expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { noting, toyHead, toyWorkflow, type ToyEngine } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";
import { skip, wait, type Workflow } from "./kit.ts";

/** Steps that have nothing to do. */

const reject = async (): Promise<never> => {
  throw new Failure("BMC_REJECTED", "the lamp says no");
};

describeToys("a step that has nothing to do", (toys) => {
  const open = (...workflows: Workflow[]): Promise<ToyEngine> => toys.open(workflows);

  it("on its resource is skipped without having begun", async () => {
    const seen: (readonly string[])[] = [];
    const { begin, ended, ports, journal } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("light", {
          ...noting("light"),
          run: async ({ fact }) => fact({ type: "lamp.lit", data: {} }),
        })
        .step("dim", {
          ...noting("dim"),
          skipWhen({ input, resource }) {
            seen.push(resource.facts);
            return input.note === "bright" ? "it is to be bright" : null;
          },
        })
        .step("shine", noting("shine"))
        .pivot("it was seen")
        .step("rest", { expected: "1s", run: async () => undefined, skipWhen: () => "no rest" })
        .result(() => "done"),
    );
    const run = await ended(await begin("server.inspect", { note: "bright" }));
    expect(run).toMatchObject({ status: "completed", output: "done" });
    expect(ports.effects).toEqual(["shine"]);
    const events = (await journal.read(run.id)).map(({ type, data }) => {
      const { step, skipped } = data as { step?: string; skipped?: string };
      return [type, step, skipped].filter(Boolean).join(" ");
    });
    expect(events.slice(1)).toEqual([
      "run.started",
      "step.started light",
      "step.completed light",
      "step.completed dim it is to be bright",
      "step.started shine",
      "step.completed shine",
      "step.completed rest no rest",
      "run.completed",
    ]);
    // Asked for the plan, and once more with what the steps before it have done to the resource.
    expect(seen.map((facts) => facts.includes("lamp.lit"))).toEqual([false, true]);
    const plan = run.requested.plan.map(({ expectedMs }) => expectedMs > 0);
    expect(plan).toEqual([true, false, true, false]);
    expect(await ended(await begin("server.inspect"))).toMatchObject({ status: "completed" });
    expect(ports.effects).toEqual(["shine", "dim", "shine"]);
  });

  it("on its resource has nothing to be undone, nor to be taken over by a retry", async () => {
    let isWell = false;
    const { begin, ended, ports, engine } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("one", noting("one"))
        .step("idle", { ...noting("idle"), skipWhen: () => "not on this resource" })
        .step(
          "two",
          noting("two", async () => (isWell ? undefined : reject())),
        )
        .result(() => null),
    );
    const run = await ended(await begin("server.inspect", { onFailure: "hold" }));
    expect(run).toMatchObject({ cleanup: "held", attention: { done: ["one"], notDone: ["two"] } });
    isWell = true;
    const by = { actor: "t" };
    const again = await engine.retry({ run: run.id, by, retry: { fromStep: "two" } });
    const retried = await ended(again.run.id);
    expect(retried.steps.map(({ status }) => status)).toEqual(["reused", "skipped", "completed"]);
    expect(ports.effects).toEqual(["one", "two", "two"]);

    isWell = false;
    const undone = await ended(await begin("server.inspect"));
    expect(undone.steps.map(({ status, undo }) => [status, undo])).toEqual([
      ["completed", "undone"],
      ["skipped", null],
      ["failed", "undone"],
    ]);
    expect(ports.effects.slice(3)).toEqual(["one", "two", "undo two", "undo one"]);
  });

  it("by its own finding stays skipped when the run is undone, unless it had begun something", async () => {
    const { begin, ended, ports, journal } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("early", { ...noting("early"), run: async () => skip("no need") })
        .step("late", {
          ...noting("late"),
          run: async ({ memo }) =>
            memo === undefined
              ? wait("looking", { memo: {}, for: "1s" })
              : skip("no need after all"),
        })
        .step("two", noting("two", reject))
        .result(() => null),
    );
    const run = await ended(await begin("server.inspect"));
    expect(run.steps.map(({ status, undo }) => [status, undo])).toEqual([
      ["skipped", "nothing"],
      ["skipped", "undone"],
      ["failed", "undone"],
    ]);
    expect(ports.effects).toEqual(["two", "undo two", "undo late"]);
    const undone = (await journal.read(run.id)).filter(({ type }) => type === "undo.completed");
    expect(undone.map(({ data }) => data)).toEqual([
      { step: "two", result: "undone" },
      { step: "late", result: "undone" },
      { step: "early", result: "nothing" },
    ]);
  });

  it("by its own finding stays skipped in a retry, which takes back only what was begun", async () => {
    let isWell = false;
    const { begin, ended, ports, engine } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("early", { ...noting("early"), run: async () => skip("no need") })
        .step("late", {
          ...noting("late"),
          run: async ({ memo }) =>
            memo === undefined
              ? wait("looking", { memo: {}, for: "1s" })
              : skip("no need after all"),
        })
        .step(
          "two",
          noting("two", async () => (isWell ? undefined : reject())),
        )
        .result(() => null),
    );
    const by = { actor: "t" };
    const again = async (run: RunId) => {
      const retried = await engine.retry({ run, by, retry: { fromStep: "two" } });
      return ended(retried.run.id);
    };
    const run = await ended(await begin("server.inspect", { onFailure: "hold" }));
    const retried = await again(run.id);
    expect(retried.steps.map(({ status }) => status)).toEqual(["skipped", "skipped", "failed"]);
    expect(retried.attention).toMatchObject({ done: [], notDone: ["two"] });
    isWell = true;
    expect(await again(retried.id)).toMatchObject({
      status: "completed",
      steps: [{ status: "skipped" }, { status: "skipped" }, { status: "completed" }],
    });

    isWell = false;
    const held = await ended(await begin("server.inspect", { onFailure: "hold" }));
    const { id } = await again(held.id);
    ports.effects.splice(0);
    await engine.undo({ run: id, by });
    expect((await ended(id)).steps.map(({ status, undo }) => [status, undo])).toEqual([
      ["skipped", "nothing"],
      ["skipped", "undone"],
      ["failed", "undone"],
    ]);
    expect(ports.effects).toEqual(["undo two", "undo late"]);
  });
});
