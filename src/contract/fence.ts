import type { RunId } from "./ids.ts";

/**
 * The right to write for a run: who holds its lease, and the number that a stale runner lacks. Every change of the holder
 * raises it.
 */
export interface Fence {
  readonly run: RunId;
  readonly owner: string;
  readonly fence: number;
}
