import { type CoreOptions, createCore } from "#engine/core.ts";
import { Dispatcher } from "#engine/dispatcher.ts";
import { engineDoors } from "#engine/doors.ts";
import type { RunningEngine } from "#engine/running-engine.ts";
import { HandOver } from "./hand-over.ts";
import type { TriggerPlatform } from "./platform.ts";
import { askAfterQueued } from "./queued.ts";

/**
 * The engine `trigger`: the doors' verbs, and a dispatcher that hands slices over to Trigger.dev. Accepting a request
 * never waits for it. Trigger.dev retries nothing: what it loses, the schedule hands over again.
 */

export interface TriggerEngineOptions extends CoreOptions {
  readonly platform: TriggerPlatform;
  readonly owner: string;
  /** Hand-overs under way at the same time. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly queuedMs: number;
  readonly onCancel: "continue" | "cancel";
}

/** While the platform is away nothing is claimed, so a run that met it comes back soon after. */
const MAX_PAUSE_MS = 5_000;

export function createTriggerEngine(options: TriggerEngineOptions): RunningEngine {
  const { journal, platform, queuedMs, onCancel } = options;
  const stops: (() => void)[] = [];
  const core = createCore(options, {
    expect: (dueAt) => dispatcher.expect(dueAt),
    cancelStep: () => undefined,
  });
  const handOver = new HandOver({ core, platform, queuedMs });
  const dispatcher: Dispatcher = new Dispatcher(core, {
    ...options,
    carry: (lease) => handOver.carry(lease),
    heldUntil: () => handOver.heldUntil,
    maxPauseMs: MAX_PAUSE_MS,
  });
  let asking: Promise<void> = Promise.resolve();

  return {
    ...engineDoors(core),
    get status() {
      return dispatcher.status;
    },
    get trouble() {
      return handOver.trouble;
    },
    async run(deadOwners) {
      // Workers make things due: a wait that is over, a child's end, a run that they gave back.
      stops.push(
        journal.onCommit((byOthers) => {
          if (byOthers) dispatcher.glance();
        }),
      );
      const timer = setInterval(() => {
        const round = { core, platform, handOver, queuedMs, onCancel };
        asking = askAfterQueued(round, () => dispatcher.poke()).catch((error: unknown) =>
          core.log("warn", "queued slices could not be asked after", { error }),
        );
      }, queuedMs / 4);
      stops.push(() => clearInterval(timer));
      await dispatcher.start(deadOwners);
    },
    async stop(patienceMs) {
      for (const stop of stops) stop();
      await asking;
      await dispatcher.stop(patienceMs);
    },
  };
}
