import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
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
 * The lab's memory: one JSON line for every change, written before the request that caused it is answered, so that
 * `kill -9` loses nothing that was seen. At start the file is read, and replaced in one rename by one that holds only
 * the last state of each machine and the effects; the same happens when it has grown.
 */
export class Journal {
  readonly #file: string;
  readonly #growthLimitBytes: number;
  readonly #machines = new Map<string, Machine>();
  readonly #identities = new Map<string, Identity>();
  #effects: Effect[] = [];
  #descriptor = -1;
  #grownBytes = 0;

  /** @param folder is created when it is not there. */
  constructor(folder: string, growthLimitBytes = 64 * 1024 * 1024) {
    mkdirSync(folder, { recursive: true });
    this.#file = path.join(folder, "world.jsonl");
    this.#growthLimitBytes = growthLimitBytes;
    this.#read();
    this.#compact();
  }

  get remembered(): Remembered {
    return { machines: this.#machines, identities: this.#identities, effects: this.#effects };
  }

  saveMachine(machine: Machine): void {
    this.#append({ machine });
  }

  saveIdentity(identity: Identity): void {
    this.#append({ identity });
  }

  saveEffect(effect: Effect): void {
    this.#append({ effect });
  }

  close(): void {
    if (this.#descriptor === -1) return;
    closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #append(line: Line): void {
    this.#take(line);
    if (this.#descriptor === -1) return;
    this.#grownBytes += writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
    if (this.#grownBytes > this.#growthLimitBytes) this.#compact();
  }

  #take(line: Line): void {
    if ("machine" in line) this.#machines.set(line.machine.name, line.machine);
    else if ("identity" in line) this.#identities.set(line.identity.name, line.identity);
    else this.#effects.push(line.effect);
  }

  #read(): void {
    if (!existsSync(this.#file)) return;
    for (const text of readFileSync(this.#file, "utf8").split("\n")) {
      const line = parseLine(text);
      if (line !== undefined) this.#take(line);
    }
  }

  #compact(): void {
    this.close();
    this.#effects = this.#effects.slice(-100_000);
    const lines: Line[] = [
      ...[...this.#identities.values()].map((identity) => ({ identity })),
      ...[...this.#machines.values()].map((machine) => ({ machine })),
      ...this.#effects.map((effect) => ({ effect })),
    ];
    const fresh = `${this.#file}.new`;
    // Private keys are in it.
    writeFileSync(fresh, lines.map((line) => `${JSON.stringify(line)}\n`).join(""), {
      mode: 0o600,
    });
    renameSync(fresh, this.#file);
    this.#descriptor = openSync(this.#file, "a");
    this.#grownBytes = 0;
  }
}

/** A line that was cut by a kill is no line: its change was never answered. */
function parseLine(text: string): Line | undefined {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
