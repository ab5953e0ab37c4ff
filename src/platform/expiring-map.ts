/**
 * Keeps values for a while, at most so many: what is asked for often and may be a little old. The oldest goes
 * first, so that callers with ever new keys cannot fill the memory.
 */
export class ExpiringMap<Value> {
  readonly #now: () => number;
  readonly #keptMs: number;
  readonly #most: number;
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  constructor(options: {
    readonly now: () => number;
    readonly keptMs: number;
    readonly most: number;
  }) {
    this.#now = options.now;
    this.#keptMs = options.keptMs;
    this.#most = options.most;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > this.#now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    const oldest = this.#entries.keys().next();
    if (this.#entries.size >= this.#most && oldest.done !== true)
      this.#entries.delete(oldest.value);
    this.#entries.set(key, { value, until: this.#now() + this.#keptMs });
  }
}
