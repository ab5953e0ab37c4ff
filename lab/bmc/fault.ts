/** A disturbance that was asked for by `POST /_lab/faults`. */
export interface Fault {
  readonly id: number;
  /** Name of a BMC; absent means every one. */
  readonly target?: string;
  /** Regular expression, matched anywhere in the path with its query. */
  readonly path?: string;
  readonly method?: string;
  /** Answer with this status instead of doing anything. */
  readonly status?: number;
  /** Wait so long, in real milliseconds, before anything else. */
  readonly delayMs?: number;
  /** `before`: cut the connection instead of doing anything. `after`: do it, then cut instead of answering. */
  readonly cut?: "before" | "after";
  /** How many more requests it applies to; absent means until it is cleared. */
  readonly times?: number;
}

/** The disturbances in force, in the order in which they were asked for. */
export class Faults {
  #all: Fault[] = [];
  #count = 0;

  add(fault: Omit<Fault, "id">): Fault {
    this.#count += 1;
    const added = { ...fault, id: this.#count };
    this.#all.push(added);
    return added;
  }

  clear(): void {
    this.#all = [];
  }

  list(): readonly Fault[] {
    return this.#all;
  }

  /** The first fault that is meant for this request, counted off. */
  take(request: {
    readonly target: string;
    readonly method: string;
    readonly path: string;
  }): Fault | undefined {
    const found = this.#all.find(
      (fault) =>
        (fault.target === undefined || fault.target === request.target) &&
        (fault.method === undefined || fault.method.toUpperCase() === request.method) &&
        (fault.path === undefined || new RegExp(fault.path).test(request.path)),
    );
    if (found?.times !== undefined) {
      const rest = { ...found, times: found.times - 1 };
      this.#all = this.#all.flatMap((fault) =>
        fault !== found ? [fault] : rest.times > 0 ? [rest] : [],
      );
    }
    return found;
  }
}
