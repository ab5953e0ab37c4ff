import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TimedRunEvent } from "#contract/events.ts";
import { decide } from "./decide.ts";
import { evolveRun } from "./evolve.ts";
import type { RunState } from "./run-state.ts";
import { anyEvent, scripts, shapes } from "./testing/arbitraries.ts";
import {
  firstState,
  simulate,
  stepName,
  type Script,
  type Shape,
  type Simulated,
} from "./testing/simulated-run.ts";

/**
 * The laws of a run, on random workflows in random worlds. A failure prints fast-check's seed and the smallest case;
 * `fc.assert(…, { seed, path })` plays it again.
 */

const RUNS = 500;

const law = (name: string, check: (run: Simulated, shape: Shape, script: Script) => void): void => {
  it(name, () => {
    fc.assert(
      fc.property(shapes, scripts, (shape, script) => {
        check(simulate(shape, script), shape, script);
      }),
      { numRuns: RUNS },
    );
  });
};

const ofType = <T extends TimedRunEvent["type"]>(
  run: Simulated,
  type: T,
): Extract<TimedRunEvent, { type: T }>[] =>
  run.events.filter((event): event is Extract<TimedRunEvent, { type: T }> => event.type === type);

const startOrder = (run: Simulated): string[] => [
  ...new Set(ofType(run, "step.started").map(({ data }) => data.step)),
];

const undone = (run: Simulated): string[] =>
  ofType(run, "undo.completed")
    .filter(({ data }) => data.result === "undone")
    .map(({ data }) => data.step);

const endIndex = (run: Simulated): number =>
  run.events.findIndex(({ type }) =>
    ["run.completed", "run.failed", "run.cancelled"].includes(type),
  );

const isPast = (run: Simulated, shape: Shape): boolean =>
  shape.pivot !== null &&
  startOrder(run).some((step) => Number(step.slice(1)) >= (shape.pivot ?? 0));

describe("a run, whatever the world does", () => {
  law("comes to an end, and only to one", (run) => {
    expect(run.final.completedAt).not.toBeNull();
    expect(run.final.phase).toBe("ended");
    expect(
      ofType(run, "run.completed").length +
        ofType(run, "run.failed").length +
        ofType(run, "run.cancelled").length,
    ).toBe(1);
  });

  law("carries nothing out that was not written down before", (run) => {
    for (const { kind, step, before } of run.effects) {
      const state = before.steps.find(({ name }) => name === step);
      if (kind === "do") expect(state?.attempts).toBeGreaterThan(0);
      else expect(before.undoing).not.toBeNull();
    }
  });

  law("does the steps in order, each after the one before it is done", (run) => {
    expect(startOrder(run)).toEqual(startOrder(run).toSorted());
    for (const { kind, step, before } of run.effects) {
      if (kind !== "do") continue;
      for (const earlier of before.steps.slice(0, Number(step.slice(1))))
        expect(["completed", "skipped"]).toContain(earlier.status);
    }
  });

  law("undoes in exactly the reverse of the order in which steps started", (run) => {
    const order = undone(run);
    const started = startOrder(run).filter((step) => order.includes(step));
    expect(order).toEqual(started.toReversed());
  });

  law("undoes every step that started once, or says that a person is needed", (run, shape) => {
    const { final } = run;
    const owed = startOrder(run).filter((step) => {
      const index = Number(step.slice(1));
      return shape.undo[index] && final.steps[index]?.didNothing === false;
    });
    if (final.status === "completed" || isPast(run, shape)) {
      expect(undone(run)).toEqual([]);
    } else if (final.cleanup === "held" || final.cleanup === "incomplete") {
      expect(final.attention !== null || final.abandoned).toBe(true);
    } else {
      expect(undone(run).toSorted()).toEqual(owed);
    }
    expect(new Set(undone(run)).size).toBe(undone(run).length);
  });

  law("never undoes a step past the pivot", (run, shape) => {
    for (const { kind, step } of run.effects)
      if (kind === "undo") expect(Number(step.slice(1))).toBeLessThan(shape.pivot ?? Infinity);
  });

  law("does nothing after the end but clean up and ask for attention", (run) => {
    const allowed = new Set([
      "undo.started",
      "undo.completed",
      "undo.failed",
      "step.waiting",
      "run.recovered",
      "run.undo_requested",
      "run.cleaned_up",
      "run.attention_raised",
      "run.abandoned",
    ]);
    for (const event of run.events.slice(endIndex(run) + 1)) {
      expect(allowed).toContain(event.type);
      if (event.type === "step.waiting") expect(event.data.undo).toBe(true);
    }
  });

  law("never changes status, output, error or its steps' ends once it has ended", (run) => {
    const ended = run.states[endIndex(run)];
    const kept = ({ status, output, error, completedAt }: RunState) => ({
      status,
      output,
      error,
      completedAt,
    });
    for (const state of run.states.slice(endIndex(run))) expect(kept(state)).toEqual(kept(ended!));
  });

  law("shows no step as under way once it has ended", (run) => {
    for (const { status } of run.final.steps) expect(["running", "waiting"]).not.toContain(status);
    expect(run.final.waiting).toBeNull();
  });

  law("asks for nobody's attention when everything was taken back", (run) => {
    if (run.final.status === "completed" || run.final.cleanup === "complete")
      expect(run.final.attention).toBeNull();
  });

  law("begins no step once it was cancelled, and ends cancelled unless it had failed", (run) => {
    for (const { kind, before } of run.effects) if (kind === "do") expect(before.cancel).toBeNull();
    if (run.final.cancel !== null && run.final.status !== "cancelled")
      expect(run.final.status).toBe("failed");
    if (run.final.status === "cancelled") expect(run.final.error).toBeNull();
  });

  law("carries nothing out while it is paused, unless it was cancelled", (run) => {
    for (const { before } of run.effects)
      if (before.cancel === null) expect(before.pausedAt).toBeNull();
  });

  law("looks at a step whose deadline has passed once at most", (run) => {
    const late = run.effects.filter(({ kind, step, at, before }) => {
      const deadlineAt = before.steps.find(({ name }) => name === step)?.deadlineAt ?? null;
      return kind === "do" && deadlineAt !== null && at >= deadlineAt;
    });
    const steps = late.map(({ step }) => step);
    expect(steps).toEqual([...new Set(steps)]);
  });

  law("is the same folded at once or in two parts, with the state stored in between", (run) => {
    const whole = run.events.slice(1);
    const cut = Math.floor(whole.length / 2);
    const stored = JSON.parse(JSON.stringify(run.states[cut])) as RunState;
    const resumed = whole
      .slice(cut)
      .reduce<RunState>((state, event) => evolveRun(state, { ...event, actor: "tester" }), stored);
    expect(JSON.stringify(resumed)).toBe(JSON.stringify(run.final));
    expect(run.final.streamVersion).toBe(run.events.length);
  });
});

describe("what kills its process again and again", () => {
  const shape: Shape = { undo: [true, true], pivot: null, onFailure: "undo", withinMs: 1e9 };
  const crashes = (times: number) =>
    Array.from({ length: times }, () => ({ kind: "crash" }) as const);
  const play = (outcomes: Script["outcomes"]): RunState =>
    simulate(shape, { outcomes, happenings: [], meanwhile: [] }).final;

  it("fails as a step after so many times, and what was done is undone", () => {
    const run = play([{ kind: "complete" }, ...crashes(10)]);
    expect(run).toMatchObject({ status: "failed", cleanup: "complete" });
    expect(run.error).toMatchObject({ code: "LOST_ENGINE_RUN", step: "s1" });
    expect(play([{ kind: "complete" }, ...crashes(9)]).status).toBe("completed");
  });

  it("is given up as an undo after so many times, and a person is told", () => {
    const failed = [{ kind: "complete" }, { kind: "fail", code: "BMC_REJECTED" }] as const;
    const run = play([...failed, ...crashes(10)]);
    expect(run).toMatchObject({ status: "failed", cleanup: "incomplete" });
    expect(run.attention).toMatchObject({ step: "s1", code: "LOST_ENGINE_RUN" });
    expect(play([...failed, ...crashes(9)])).toMatchObject({ cleanup: "complete" });
  });
});

describe("an undo that fails while it is still tried", () => {
  it("asks for attention, and says that it goes on by itself, until when, and what giving it up leaves", () => {
    const shape: Shape = { undo: [true], pivot: null, onFailure: "undo", withinMs: 1e9 };
    const error = { code: "KUBERNETES_UNAVAILABLE", message: "no answer" } as const;
    const attempt = { step: "s0", attempt: 1, error };
    const retryAt = new Date(9_000).toISOString();
    const began: TimedRunEvent[] = [
      { type: "run.started", at: 1_000, data: {} },
      { type: "step.started", at: 1_000, data: { step: "s0", attempt: 1, deadlineAt: retryAt } },
      { type: "step.failed", at: 2_000, data: { ...attempt, retryAt: null } },
      { type: "undo.started", at: 2_000, data: { step: "s0", attempt: 1 } },
    ];
    const failed: TimedRunEvent = { type: "undo.failed", at: 3_000, data: { ...attempt, retryAt } };
    const run = [...began, failed, failed, failed].reduce(evolveRun, firstState(shape));
    const { events } = decide(run, { now: 4_000, pace: 1, lookAgainAt: 0 });
    const [raised] = events;
    if (raised?.type !== "run.attention_raised") throw new Error("nobody is told");
    expect(raised.data.message).toContain(
      "the undo of s0 has failed 3 times (no answer); it goes on by itself until 1970-01-02T00:00:02.000Z",
    );
    expect(raised.data.message).not.toContain("has to act");
    expect(raised.data.waysOut).toEqual([
      expect.stringMatching(/abandon with a reason ends the undo now; .* stays in the world$/),
    ]);
  });
});

describe("a step's deadline", () => {
  const shape: Shape = { undo: [false], pivot: null, onFailure: "undo", withinMs: 60_000 };
  const began: TimedRunEvent[] = [
    { type: "run.started", at: 1_000, data: {} },
    {
      type: "step.started",
      at: 1_000,
      data: { step: "s0", attempt: 1, deadlineAt: new Date(61_000).toISOString() },
    },
  ];
  const error = {
    code: "BMC_CONNECTION_FAILED" as const,
    message: "it refused the connection",
    details: { reason: "refused" },
  };
  const failed = (retryAt: number): TimedRunEvent => ({
    type: "step.failed",
    at: 2_000,
    data: { step: "s0", attempt: 1, error, retryAt: new Date(retryAt).toISOString() },
  });
  const decided = (events: readonly TimedRunEvent[]) => {
    const state = events.reduce(evolveRun, firstState(shape));
    return decide(state, { now: 61_000, pace: 1, lookAgainAt: 0 });
  };

  const waiting: TimedRunEvent = {
    type: "step.waiting",
    at: 2_000,
    data: { step: "s0", reason: "not yet", until: new Date(61_000).toISOString() },
  };

  it("that passes while nobody looks leaves one more look, and one more try", () => {
    for (const before of [waiting, failed(60_500)]) {
      const { do: act, events } = decided([...began, before]);
      expect(act).toBe("step");
      expect(events).toEqual([
        {
          type: "step.started",
          data: { step: "s0", attempt: 2, deadlineAt: new Date(61_000).toISOString() },
        },
      ]);
    }
  });

  it("is a time-out for one under way, which names what went wrong before", () => {
    const again = { ...began[1]!, at: 10_000 };
    const [end] = decided([...began, failed(10_000), again]).events;
    if (end?.type !== "step.failed") throw new Error("the step goes on");
    expect(end.data.error.code).toBe("STEP_TIMEOUT");
    expect(end.data.error.message).toContain("BMC_CONNECTION_FAILED: it refused the connection");
  });

  it("is a time-out for a last look that was lost with its process, which names what was seen before", () => {
    const again = { ...began[1]!, at: 61_000 };
    const [end] = decided([...began, waiting, again]).events;
    if (end?.type !== "step.failed") throw new Error("the step goes on");
    expect(end.data.error.message).toBe(
      "the step did not end within 60 s; its last look was lost with its process; before that: not yet",
    );
  });
});

describe("the simulation reaches what the laws are about", () => {
  const seen = new Map<string, number>();
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);

  it("undoes, holds, passes the pivot, times out, cancels, pauses, crashes and gives up", () => {
    fc.assert(
      fc.property(shapes, scripts, (shape, script) => {
        const run = simulate(shape, script);
        count(`status ${run.final.status}`);
        count(`cleanup ${run.final.cleanup}`);
        if (isPast(run, shape)) count("past pivot");
        if (run.final.abandoned) count("abandoned");
        for (const { type } of run.events) count(type);
        if (run.final.error?.code === "STEP_TIMEOUT") count("timeout");
        if (run.final.steps.some(({ losses }) => losses > 0)) count("lost attempt");
      }),
      // A fixed seed: what is counted must not depend on luck.
      { numRuns: 2_000, seed: 20_260_302 },
    );
    for (const what of [
      "status completed",
      "status failed",
      "status cancelled",
      "cleanup complete",
      "cleanup incomplete",
      "cleanup held",
      "past pivot",
      "abandoned",
      "timeout",
      "lost attempt",
      "undo.failed",
      "run.paused",
      "run.resumed",
      "run.cleaned_up",
      "run.recovered",
    ])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  });
});

describe("the fold", () => {
  const shape: Shape = { undo: [true, false, true], pivot: 2, onFailure: "undo", withinMs: 1_000 };
  const fold = (events: readonly TimedRunEvent[]): RunState =>
    events.reduce(evolveRun, firstState(shape));

  it("takes any sequence of events, of later versions too, and the decision after it", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        const state = fold(events);
        expect(state.streamVersion).toBe(1 + events.length);
        expect(state.steps.map(({ name }) => name)).toEqual([0, 1, 2].map(stepName));
        expect(() => decide(state, { now: 5e12, pace: 1, lookAgainAt: 0 })).not.toThrow();
      }),
      { numRuns: RUNS },
    );
  });

  it("keeps status, output and error of the first end, whatever follows", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        let state = firstState(shape);
        for (const event of events) {
          const before = state;
          state = evolveRun(state, event);
          if (before.completedAt === null) continue;
          expect([state.status, state.output, state.error]).toEqual([
            before.status,
            before.output,
            before.error,
          ]);
        }
      }),
      { numRuns: RUNS },
    );
  });
});
