import type { Change } from "./machine.ts";

/** One real change of the world, numbered in the order in which the lab saw it. */
export interface Effect {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  /** Name of the BMC, or `<Kind>/<namespace>/<name>` of a Kubernetes object. */
  readonly target: string;
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** The `Idempotency-Key` of the request that caused it; absent for what happened by itself. */
  readonly key?: string;
}

/**
 * The list of everything that changed. A request that finds the world as it wants it adds nothing, so that a test
 * can say "exactly once". The oldest are dropped beyond the limit.
 */
export class EffectLog {
  readonly #all: Effect[];
  readonly #byTarget = new Map<string, Effect[]>();
  readonly #limit: number;
  #last: number;

  constructor(earlier: readonly Effect[], limit = 100_000) {
    this.#all = earlier.slice(-limit);
    this.#limit = limit;
    this.#last = earlier.at(-1)?.id ?? 0;
    for (const effect of this.#all) this.#index(effect);
  }

  get lastId(): number {
    return this.#last;
  }

  add(target: string, change: Change, key: string | undefined): Effect {
    const { at, action, detail } = change;
    this.#last += 1;
    const effect: Effect = {
      id: this.#last,
      at: new Date(at).toISOString(),
      target,
      action,
      detail,
      ...(key === undefined ? {} : { key }),
    };
    this.#all.push(effect);
    this.#index(effect);
    if (this.#all.length > this.#limit * 1.1) this.#shorten();
    return effect;
  }

  all(): readonly Effect[] {
    return this.#all;
  }

  of(target: string): readonly Effect[] {
    return this.#byTarget.get(target) ?? [];
  }

  #index(effect: Effect): void {
    const effects = this.#byTarget.get(effect.target);
    if (effects === undefined) this.#byTarget.set(effect.target, [effect]);
    else effects.push(effect);
  }

  #shorten(): void {
    this.#all.splice(0, this.#all.length - this.#limit);
    this.#byTarget.clear();
    for (const effect of this.#all) this.#index(effect);
  }
}
