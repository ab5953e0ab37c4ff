import { z } from "zod";
import { RunId } from "#contract/ids.ts";
import type { WorkflowType } from "#contract/run.ts";

/** What the engine needs of Trigger.dev, in our own words. The adapter to its SDK is `sdk-platform.ts`. */

/** What a task is given: names only. What is to be done is in the journal. */
export const SlicePayload = z.object({
  runId: RunId,
  /** The fence under which the slice was handed over. A slice with an older one is late, and does nothing. */
  slice: z.number().int().positive(),
});
export type SlicePayload = z.infer<typeof SlicePayload>;

export interface HandedSlice {
  /** The task: each workflow type has one of its name. */
  readonly task: WorkflowType;
  readonly payload: SlicePayload;
  readonly resourceId: string;
  /** Seconds by which it comes before others that were triggered at the same time. */
  readonly priority: number;
}

/** `alive`: queued or executing; `cancelled`: ended by somebody over there; `ended`: any other end. */
export type SliceFate = "alive" | "cancelled" | "ended";

export interface TriggerPlatform {
  /**
   * Triggers the slice's task and answers with the Trigger run's id. Repeating it for one slice answers with the same
   * id. Throws PlatformAway, or PlatformRefused when asking again cannot help.
   */
  trigger(slice: HandedSlice): Promise<string>;
  /** What has become of a Trigger run; one that is not known has `ended`. Throws PlatformAway. */
  fate(triggerRun: string): Promise<SliceFate>;
}

/** Trigger.dev does not answer, or asks for patience: nothing is wrong with what was asked. */
export class PlatformAway extends Error {
  /** When it says that it may be asked again, ms since 1970; null when it does not. */
  readonly until: number | null;

  constructor(reason: string, until: number | null, options?: ErrorOptions) {
    super(reason, options);
    this.name = "PlatformAway";
    this.until = until;
  }
}

/** Trigger.dev answers and will not do it: a wrong key, a payload it cannot take. An operator has to act. */
export class PlatformRefused extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "PlatformRefused";
  }
}
