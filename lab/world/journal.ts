import path from "node:path";
import { LineFile } from "#lab/line-file.ts";
import type { Effect } from "./effects.ts";
import type { Machine } from "./machine.ts";

/** What a BMC keeps beside its machine: where it listens and how it proves who it is. */
export interface Identity {
  readonly name: string;
  readonly port: number;
  readonly certificate: Certificate;
  /** True for a BMC that was added while the lab ran: it comes back whatever the number of servers asked for. */
  readonly isAdded: boolean;
}

/** PEM texts. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

type Line =
  | { readonly machine: Machine }
  | { readonly identity: Identity }
  | { readonly effect: Effect };

/** Everything that a lab remembers across a restart. */
export interface Remembered {
  readonly machines: ReadonlyMap<string, Machine>;
  readonly identities: ReadonlyMap<string, Identity>;
  readonly effects: readonly Effect[];
}

/**
 * The lab's memory: a line for every change. What is kept is the last state of each machine, and the effects.
 */
export class Journal {
  readonly #file: LineFile;
  readonly #machines = new Map<string, Machine>();
  readonly #identities = new Map<string, Identity>();
  #effects: Effect[] = [];

  /** @param folder is created when it is not there. */
  constructor(folder: string, leastGrowthBytes = 64 * 1024 * 1024) {
    this.#file = new LineFile(path.join(folder, "world.jsonl"), { leastGrowthBytes });
    for (const line of this.#file.read()) this.#take(line as Line);
    this.#compact();
  }

  get remembered(): Remembered {
    return { machines: this.#machines, identities: this.#identities, effects: this.#effects };
  }

  saveMachine(machine: Machine): void {
    this.#save({ machine });
  }

  saveIdentity(identity: Identity): void {
    this.#save({ identity });
  }

  saveEffect(effect: Effect): void {
    this.#save({ effect });
  }

  close(): void {
    this.#file.close();
  }

  #save(line: Line): void {
    this.#take(line);
    if (this.#file.append(JSON.stringify(line))) this.#compact();
  }

  #take(line: Line): void {
    if ("machine" in line) this.#machines.set(line.machine.name, line.machine);
    else if ("identity" in line) this.#identities.set(line.identity.name, line.identity);
    else this.#effects.push(line.effect);
  }

  #compact(): void {
    this.#effects = this.#effects.slice(-100_000);
    const lines: Line[] = [
      ...[...this.#identities.values()].map((identity) => ({ identity })),
      ...[...this.#machines.values()].map((machine) => ({ machine })),
      ...this.#effects.map((effect) => ({ effect })),
    ];
    this.#file.replace(lines.map((line) => JSON.stringify(line)));
  }
}
