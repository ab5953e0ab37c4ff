interface Entry {
  readonly at: number;
  readonly name: string;
}

/** Who wants to be looked at when: a heap with one time for each name, so that ten thousand waits need one timer. */
export class DueQueue {
  readonly #heap: Entry[] = [];
  readonly #times = new Map<string, number>();

  /** Sets the time of a name, in place of the one that it had. */
  set(name: string, at: number): void {
    this.#times.set(name, at);
    this.#heap.push({ at, name });
    this.#rise(this.#heap.length - 1);
  }

  clear(name: string): void {
    this.#times.delete(name);
  }

  /** The earliest time, or undefined when nobody waits. */
  next(): number | undefined {
    this.#dropOutdated();
    return this.#heap[0]?.at;
  }

  /** Takes out a name whose time has come. */
  take(now: number): string | undefined {
    this.#dropOutdated();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#times.delete(first.name);
    this.#pop();
    return first.name;
  }

  /** Entries whose name has got another time since. */
  #dropOutdated(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#times.get(first.name) === first.at) return;
      this.#pop();
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >>> 1;
      if (this.#time(parent) <= this.#time(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const smaller = this.#time(left + 1) < this.#time(left) ? left + 1 : left;
      if (this.#time(at) <= this.#time(smaller)) return;
      this.#swap(at, smaller);
      at = smaller;
    }
  }

  #time(at: number): number {
    return this.#heap[at]?.at ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
}
