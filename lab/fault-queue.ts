/** What every disturbance has, whatever it does. */
interface Disturbance {
  readonly id: number;
  /** Regular expression, matched anywhere in the path with its query. */
  readonly path?: string;
  readonly method?: string;
  /** How many more requests it applies to; absent means until it is cleared. */
  readonly times?: number;
}

interface Asked {
  readonly method: string;
  readonly path: string;
}

/** The disturbances in force, in the order in which they were asked for. */
export class FaultQueue<Fault extends Disturbance> {
  #all: Fault[] = [];
  #count = 0;

  add(fault: Omit<Fault, "id">): Fault {
    this.#count += 1;
    const added = { ...fault, id: this.#count } as Fault;
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
  protected first({ method, path }: Asked, isMeant: (fault: Fault) => boolean): Fault | undefined {
    const found = this.#all.find(
      (fault) =>
        isMeant(fault) &&
        (fault.method === undefined || fault.method.toUpperCase() === method) &&
        (fault.path === undefined || new RegExp(fault.path).test(path)),
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
