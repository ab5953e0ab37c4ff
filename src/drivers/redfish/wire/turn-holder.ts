import type { Clock } from "#platform/clock.ts";
import type { BmcGate, Turn } from "./gate.ts";

export interface TurnHolderOptions {
  readonly gate: BmcGate;
  readonly clock: Clock;
  readonly bmc: string;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** A turn is given up after this long, so that a long inventory does not keep a power switch waiting. */
const longestTurnMs = 1000;

/**
 * One operation's turns at a BMC. A turn is kept from call to call, which saves taking the lock anew, until
 * somebody waits for it or it was held for a while.
 */
export class TurnHolder {
  readonly #options: TurnHolderOptions;
  #turn: Turn | null = null;
  #sinceMs = 0;

  constructor(options: TurnHolderOptions) {
    this.#options = options;
  }

  async take(): Promise<void> {
    const { gate, clock, bmc, withinMs, signal } = this.#options;
    if (this.#turn !== null) {
      const heldMs = clock.now() - this.#sinceMs;
      if (heldMs < longestTurnMs && !gate.contended(bmc)) return;
      await this.release();
    }
    this.#turn = await gate.enter(bmc, { signal, withinMs });
    this.#sinceMs = clock.now();
  }

  async release(): Promise<void> {
    const turn = this.#turn;
    this.#turn = null;
    await turn?.release();
  }
}
