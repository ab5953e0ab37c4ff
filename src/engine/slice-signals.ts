import type { Interruption } from "./perform.ts";

/**
 * What can stop the code that a slice is running. Losing the run or shutting down ends the slice, whatever it does; a
 * cancel stops only a step, never the undo that the cancel itself brings about.
 */
export class SliceSignals {
  readonly #life = new AbortController();
  #step: AbortController | null = null;

  /** The signal for a step that begins now. */
  forStep(): AbortSignal {
    this.#step = new AbortController();
    return AbortSignal.any([this.#life.signal, this.#step.signal]);
  }

  /** The signal for an undo that begins now. */
  forUndo(): AbortSignal {
    this.#step = null;
    return this.#life.signal;
  }

  end(why: Extract<Interruption, "lost" | "shutdown">): void {
    this.#life.abort(why);
  }

  cancelStep(): void {
    this.#step?.abort("cancel" satisfies Interruption);
  }

  /** Aborts when the slice must end, whatever it does. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /** Why the slice must end; null while it may go on. */
  get ended(): "lost" | "shutdown" | null {
    return this.#life.signal.aborted ? (this.#life.signal.reason as "lost" | "shutdown") : null;
  }
}
