import { Failure } from "#contract/failures.ts";
import type { StepDefinition, Workflow } from "#engine/kit.ts";

/**
 * What the harness does to one step of a workflow. A workflow's definition is data, so a fault is a copy of it in which
 * that step (or its undo) is wrapped. The wrapper says in `hits` that it was reached: a case that strikes nothing
 * proves nothing.
 */
export const faultKinds = [
  "fails before its effect",
  "fails after its effect",
  "dies after each of its effects",
  "runs twice",
  "is cancelled",
  "passes its deadline",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export type Fault =
  | { readonly kind: FaultKind; readonly step: string }
  /** The undo of `step` runs twice, after `failing` has failed with its effect. */
  | { readonly kind: "is undone twice"; readonly step: string; readonly failing: string };

/** What a wrapped step needs from the case that it plays in. */
export interface Stage {
  /** How many changes of the world were made under this idempotency key. */
  effects(key: string): Promise<number>;
  /** Kills the process that runs the step. */
  kill(): void;
  /** The step has begun its effect and stands still until its signal aborts or the promise resolves. */
  underWay(): Promise<void>;
  /** What the engine divides declared times by. */
  readonly pace: number;
}

export interface Faulty {
  readonly workflow: Workflow;
  /** `step` or `undo of step`, once for each time that the fault struck. */
  readonly hits: readonly string[];
}

/** In real ms: how long a step with the deadline fault may take. */
const tinyMs = 400;
const mostDeaths = 8;

export function faulty(workflow: Workflow, fault: Fault, stage: Stage): Faulty {
  const hits: string[] = [];
  const hit: Hit = (what) => void hits.push(what);
  const wrap = (step: StepDefinition): StepDefinition => {
    if (fault.kind !== "is undone twice")
      return step.name === fault.step ? wrapRun(step, fault.kind, { stage, hit }) : step;
    const undone = step.name === fault.step ? undoneTwice(step, hit) : step;
    return step.name === fault.failing ? failing(undone, "after", hit) : undone;
  };
  return { workflow: { ...workflow, steps: workflow.steps.map(wrap) }, hits };
}

type Hit = (what: string) => void;

function wrapRun(
  step: StepDefinition,
  kind: FaultKind,
  { stage, hit }: { readonly stage: Stage; readonly hit: Hit },
): StepDefinition {
  switch (kind) {
    case "fails before its effect":
      return failing(step, "before", hit);
    case "fails after its effect":
      return failing(step, "after", hit);
    case "dies after each of its effects":
      return dying(step, stage, hit);
    case "runs twice":
      return runTwice(step, hit);
    case "is cancelled":
      return standing(step, stage, hit);
    case "passes its deadline":
      return endless(step, stage.pace, hit);
  }
}

const isWait = (result: unknown): boolean =>
  typeof result === "object" && result !== null && "kind" in result && result.kind === "wait";

/** Not a code that any of our steps throws, and none that is retried. */
const strike = (step: string): Failure =>
  new Failure("KUBERNETES_REJECTED", `the harness lets ${step} fail`);

function failing(step: StepDefinition, when: "before" | "after", hit: Hit): StepDefinition {
  return {
    ...step,
    run: async (context) => {
      if (when === "after") {
        const result = await step.run(context);
        if (isWait(result)) return result;
      }
      hit(step.name);
      throw strike(step.name);
    },
  };
}

/**
 * Each look at the world twice; facts of the first time are lost, as they are with a process. A second time that cannot
 * be (the first restarted the BMC) is not tried again and again.
 */
function runTwice(step: StepDefinition, hit: Hit): StepDefinition {
  let isTwice = true;
  return {
    ...step,
    run: async (context) => {
      if (!isTwice) return step.run(context);
      await step.run({ ...context, fact: () => undefined });
      hit(step.name);
      isTwice = false;
      const result = await step.run(context);
      isTwice = true;
      return result;
    },
  };
}

function undoneTwice(step: StepDefinition, hit: Hit): StepDefinition {
  const { undo } = step;
  if (typeof undo !== "function") throw new TypeError(`${step.name} has no undo`);
  return {
    ...step,
    undo: async (context) => {
      const first = await undo({ ...context, fact: () => undefined });
      // One that is not at its end yet is looked at again, and twice then.
      if (isWait(first)) return first;
      hit(`undo of ${step.name}`);
      return undo(context);
    },
  };
}

/**
 * The process dies after whatever changed the world, and after the step's last look: each time before the journal knows.
 * The look that repeats what was lost is let through.
 */
function dying(step: StepDefinition, stage: Stage, hit: Hit): StepDefinition {
  let deaths = 0;
  let repeats = false;
  return {
    ...step,
    run: async (context) => {
      const before = await stage.effects(context.key);
      const result = await step.run(context);
      const struck = !isWait(result) || (await stage.effects(context.key)) > before;
      if (!struck || repeats || deaths >= mostDeaths) {
        repeats = false;
        return result;
      }
      deaths += 1;
      repeats = true;
      hit(step.name);
      stage.kill();
      return aborted(context.signal);
    },
  };
}

function standing(step: StepDefinition, stage: Stage, hit: Hit): StepDefinition {
  let hasStood = false;
  return {
    ...step,
    run: async (context) => {
      const result = await step.run(context);
      if (hasStood) return result;
      hasStood = true;
      hit(step.name);
      await Promise.race([stage.underWay(), aborted(context.signal)]);
      return result;
    },
  };
}

function endless(step: StepDefinition, pace: number, hit: Hit): StepDefinition {
  const { least: _leaves, ...times } = step.times;
  return {
    ...step,
    times: { ...times, within: `${tinyMs * pace}ms` },
    run: async (context) => {
      hit(step.name);
      await step.run(context);
      return aborted(context.signal);
    },
  };
}

/** Never resolves; rejects when the signal aborts. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const stop = (): void => reject(new Error("the step was stopped", { cause: signal.reason }));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
