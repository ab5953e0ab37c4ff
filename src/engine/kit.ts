import type { z } from "zod";
import type { Fence } from "#contract/fence.ts";
import type { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { ResourceType, WorkflowType } from "#contract/run.ts";
import type { Duration } from "./duration.ts";

/**
 * The kit with which workflows are written. A workflow is a table of named steps; each builder call adds one
 * row and its output's type, so a later step sees `prior.<step>` with the right type and nothing else.
 *
 *   workflow("server.provision", { version: 1, input, resource, onFailure: "undo" })
 *     .step("reserve", { expected: "1s", run: …, undo: … })          before the pivot: undo, or nothing("why")
 *     .pivot("the installer overwrites the disk")
 *     .step("install", { expected: "9m", within: "40m", run: … })    after it: no undo, by type
 *     .result(({ prior }) => …)
 */

/** What a step or an undo returns to be looked at again later. No process is held meanwhile. */
export interface Wait {
  readonly kind: "wait";
  readonly reason: string;
  /** When to look again at the latest; absent: the engine chooses from the expected time, within the step's `poll`. */
  readonly for?: Duration;
  /** Look again at this time, ms since 1970. */
  readonly until?: number;
  /** What would end the wait early, in words (`the installer's call-back`, `run run_…`). */
  readonly wakesOn?: string;
  /** What the step wants to find in `memo` at its next look; journalled, so never a secret. */
  readonly memo?: unknown;
}

export const wait = (reason: string, options: Omit<Wait, "kind" | "reason"> = {}): Wait => ({
  kind: "wait",
  reason,
  ...options,
});

/** What a step returns when there is nothing to do for it on this resource. Its output is that of a step that ran. */
export interface Skip<Output> {
  readonly kind: "skip";
  readonly why: string;
  readonly output: Output;
}

export function skip(why: string): Skip<void>;
export function skip<Output>(why: string, output: Output): Skip<Output>;
export function skip(why: string, output?: unknown): Skip<unknown> {
  return { kind: "skip", why, output };
}

/** Stands where an undo would, and says why there is none. */
export interface Nothing {
  readonly kind: "nothing";
  readonly why: string;
}

export const nothing = (why: string): Nothing => ({ kind: "nothing", why });

/** What a kind of resource brings to its workflows. */
export interface Environment {
  /** Everything that a step may ask of the world. */
  readonly ports: object;
  /** The resource's folded state. */
  readonly resource: unknown;
  /** The facts that a step may record. */
  readonly fact: { readonly type: string; readonly data: unknown };
}

/** Starts and follows runs that belong to this one. They share its lock on the resource. */
export interface ChildRuns {
  /** Starts the step's child; a second call (after a crash, at the next look) returns the same run. */
  start(workflow: WorkflowType, input: unknown): Promise<RunId>;
  /** How the child that this step started stands; null when it was never started. Its end wakes this run. */
  state(): Promise<{
    readonly run: RunId;
    readonly status: "pending" | "running" | "completed" | "failed" | "cancelled";
    readonly error: { readonly code: Failure["code"]; readonly message: string } | null;
    readonly output: unknown;
  } | null>;
  /** Asks the child to be cancelled; nothing when it has ended or never was. */
  cancel(reason: string): Promise<void>;
}

/** What a step's `run` is given. */
export interface StepContext<Env extends Environment, Input, Prior> {
  readonly input: Input;
  /** The outputs of the earlier steps, by name. */
  readonly prior: Prior;
  readonly ports: Env["ports"];
  /** The resource as its stream tells it at this look. */
  readonly resource: Env["resource"];
  /** `<run>/<step>`: the idempotency key given to the world; the same for retries, after a crash, and for undo. */
  readonly key: string;
  readonly run: {
    readonly id: RunId;
    readonly actor: string;
    readonly resourceId: string;
    /** For what a step writes into the journal by a port: refused once another process has the run. */
    readonly fence: Fence;
  };
  /** Aborts on cancel, on the step's deadline and when this process loses the run. */
  readonly signal: AbortSignal;
  /**
   * Aborts only when this process loses the run or stops. What a write under way is cut off by: cut off by a cancel, nobody
   * would know whether it still arrives, and its undo could find nothing and be content.
   */
  readonly life: AbortSignal;
  /** ms since 1970. */
  readonly now: () => number;
  /**
   * What the engine divides every declared time by (1 in life, more in a lab). A step that measures a time
   * itself divides by it too.
   */
  readonly pace: number;
  /** When the step (or, in an undo, the undo) was first begun, ms since 1970; written down before its first look. */
  readonly startedAt: number;
  /** When the step fails by itself, ms since 1970. */
  readonly deadlineAt: number;
  /** What this step's last `wait` asked to remember; undefined at the first look. */
  readonly memo: unknown;
  /** What reached the run from outside, by name (`installer`), the newest one each. */
  readonly signals: Readonly<Record<string, unknown>>;
  readonly child: ChildRuns;
  /**
   * Records a fact of the resource in the transaction that records this step's outcome: once if the step
   * ends or waits, not at all if it throws or the process dies before that.
   */
  fact(fact: Env["fact"]): void;
}

/** What an undo is given: the step may have started and never reported, so its output may be missing. */
export type UndoContext<Env extends Environment, Input, Prior, Output> = StepContext<
  Env,
  Input,
  Partial<Prior>
> & {
  readonly output: Output | undefined;
};

interface StepTimes {
  /** How long it usually takes; the estimate until there is history. */
  readonly expected: Duration;
  /** Deadline over all attempts and waits. Default: 15 minutes or ten times `expected`, whichever is more. */
  readonly within?: Duration;
  /** What no pace shortens the deadline below, where it was longer. Default: a pace divides all of it. */
  readonly least?: Duration;
  /** Tries at most, in place of the failure code's own number; a step with `poll` waits out what its code says is waited out. */
  readonly attempts?: number;
  /** For a step that looks until something has come about: bounds between two looks of a wait without `for`. Default 1 s to 30 s. */
  readonly poll?: { readonly min: Duration; readonly max: Duration };
}

interface StepBody<Env extends Environment, Input, Prior, Schema extends z.ZodType> extends Omit<
  StepTimes,
  "least"
> {
  /**
   * Why the step has nothing to do on this resource; null: it has. Pure; asked when the request is accepted, so that no time is planned for
   * it, and when its turn comes: then it is skipped without having begun, its output is null, and there is nothing to be undone.
   * Absent: it always has something to do.
   */
  skipWhen?(arguments_: {
    readonly input: Input;
    readonly resource: Env["resource"];
  }): string | null;
  /** The output's schema, checked when journalled and when read back. Absent: the step has no output. Takes null if there is `skipWhen`. */
  readonly output?: Schema;
  run(
    context: StepContext<Env, Input, Prior>,
  ): Promise<z.output<Schema> | Wait | Skip<z.output<Schema>>>;
}

export interface StepBeforePivot<
  Env extends Environment,
  Input,
  Prior,
  Schema extends z.ZodType,
> extends StepBody<Env, Input, Prior, Schema> {
  /** Takes the step's effect back, also a half-done one; finding nothing is a success. Or `nothing("why")`. */
  readonly undo:
    | Nothing
    | ((context: UndoContext<Env, Input, Prior, z.output<Schema>>) => Promise<void | Wait>);
}

export interface StepAfterPivot<
  Env extends Environment,
  Input,
  Prior,
  Schema extends z.ZodType,
> extends StepBody<Env, Input, Prior, Schema> {
  readonly undo?: never;
}

/** A secret by what it is to people (`user data`); null: the request brought none. */
interface SecretReference {
  readonly name: string;
  readonly id: string | null;
}

export interface WorkflowHead<Input> {
  /** Raised whenever the list of steps changes; runs keep the version that they started with. */
  readonly version: number;
  /** What the workflow is for, one sentence. */
  readonly summary: string;
  /** The run's input as journalled: ids, times and choices are fixed before the start; secrets are references. */
  readonly input: z.ZodType<Input>;
  readonly resource: (arguments_: { readonly input: Input }) => {
    readonly type: ResourceType;
    readonly id: string;
  };
  /** `undo`: unwind on failure; `hold`: keep partial state for diagnosis. A run's input may choose. */
  readonly onFailure:
    | "undo"
    | "hold"
    | ((arguments_: { readonly input: Input }) => "undo" | "hold");
  /** The secrets that the input refers to: without them a retry would be pointless. Absent: none. */
  readonly secrets?: (arguments_: { readonly input: Input }) => readonly SecretReference[];
}

/** One row of the table, types erased: what the engine executes. */
export interface StepDefinition {
  readonly name: string;
  readonly times: StepTimes;
  readonly skipWhen:
    | ((arguments_: { readonly input: unknown; readonly resource: unknown }) => string | null)
    | null;
  readonly output: z.ZodType | null;
  readonly run: (context: StepContext<Environment, unknown, unknown>) => Promise<unknown>;
  readonly undo:
    | Nothing
    | ((context: UndoContext<Environment, unknown, unknown, unknown>) => Promise<unknown>)
    | null;
}

/** A whole workflow, types erased. */
export interface Workflow {
  readonly type: WorkflowType;
  readonly version: number;
  readonly summary: string;
  readonly input: z.ZodType;
  readonly resource: (arguments_: { readonly input: unknown }) => {
    readonly type: ResourceType;
    readonly id: string;
  };
  readonly onFailure: (arguments_: { readonly input: unknown }) => "undo" | "hold";
  readonly secrets: (arguments_: { readonly input: unknown }) => readonly SecretReference[];
  readonly steps: readonly StepDefinition[];
  readonly pivot: { readonly before: number; readonly reason: string } | null;
  readonly result: (arguments_: { readonly input: unknown; readonly prior: unknown }) => unknown;
}

type Add<Prior, Name extends string, Output> = Prior & { readonly [K in Name]: Output };

interface Ending<Input, Prior> {
  /** The run's output, from its input and its steps' outputs. Ends the table. */
  result(make: (arguments_: { readonly input: Input; readonly prior: Prior }) => unknown): Workflow;
}

export interface BeforePivot<Env extends Environment, Input, Prior> extends Ending<Input, Prior> {
  step<Name extends string, Schema extends z.ZodType = z.ZodVoid>(
    name: Name extends keyof Prior ? never : Name,
    step: StepBeforePivot<Env, Input, Prior, Schema>,
  ): BeforePivot<Env, Input, Add<Prior, Name, z.output<Schema>>>;
  /** From here on nothing is undone; `reason` is what a refused cancel says. */
  pivot(reason: string): AfterPivot<Env, Input, Prior>;
}

export interface AfterPivot<Env extends Environment, Input, Prior> extends Ending<Input, Prior> {
  step<Name extends string, Schema extends z.ZodType = z.ZodVoid>(
    name: Name extends keyof Prior ? never : Name,
    step: StepAfterPivot<Env, Input, Prior, Schema>,
  ): AfterPivot<Env, Input, Add<Prior, Name, z.output<Schema>>>;
}

/** The `workflow` function for one kind of resource: its ports, its state and its facts; `times` are all its steps'. */
export const workflowKit =
  <Env extends Environment>(times: Pick<StepTimes, "least"> = {}) =>
  <Input>(type: WorkflowType, head: WorkflowHead<Input>): BeforePivot<Env, Input, object> => {
    const steps: StepDefinition[] = [];
    let pivot: Workflow["pivot"] = null;

    const add = (
      name: string,
      body: StepBody<Env, Input, never, z.ZodType> & { readonly undo?: unknown },
    ): void => {
      if (steps.some((step) => step.name === name))
        throw new TypeError(`${type}: two steps are called ${name}`);
      if (body.skipWhen !== undefined && body.output?.safeParse(null).success === false)
        throw new TypeError(`${type}: ${name} may be skipped, so its output must take null`);
      const { expected, within, attempts, poll } = body;
      steps.push({
        name,
        times: {
          ...times,
          expected,
          ...(within !== undefined && { within }),
          ...(attempts !== undefined && { attempts }),
          ...(poll !== undefined && { poll }),
        },
        skipWhen: (body.skipWhen ?? null) as StepDefinition["skipWhen"],
        output: body.output ?? null,
        run: body.run as unknown as StepDefinition["run"],
        undo: (body.undo ?? null) as StepDefinition["undo"],
      });
    };

    const builder = {
      step(name: string, body: StepBody<Env, Input, never, z.ZodType>) {
        add(name, body);
        return builder;
      },
      pivot(reason: string) {
        pivot = { before: steps.length, reason };
        return builder;
      },
      result(
        make: (arguments_: { readonly input: Input; readonly prior: never }) => unknown,
      ): Workflow {
        const onFailure = head.onFailure;
        return {
          type,
          version: head.version,
          summary: head.summary,
          input: head.input,
          resource: head.resource as Workflow["resource"],
          onFailure: (typeof onFailure === "function"
            ? onFailure
            : () => onFailure) as Workflow["onFailure"],
          secrets: (head.secrets ?? (() => [])) as Workflow["secrets"],
          steps,
          pivot,
          result: make as unknown as Workflow["result"],
        };
      },
    };
    // The builder's one object serves every stage; only the types differ, and the types are the law.
    return builder;
  };
