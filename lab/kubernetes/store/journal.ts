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
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { kindOfObject } from "#lab/kubernetes/kinds/kind.ts";
import { pathOf } from "./change.ts";
import { textOf } from "./text.ts";

/** How the API server proves who it is and knows who calls; kept so that a kubeconfig outlives the lab's restart. */
export interface ServerIdentity {
  readonly port: number;
  /** PEM texts. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  /** Bearer token of each user. */
  readonly tokens: Readonly<Record<string, string>>;
}

interface Remembered {
  readonly revision: number;
  /** By kind, namespace and name. */
  readonly objects: ReadonlyMap<string, KubeObject>;
  /** What operators remember, by the object's uid. */
  readonly memories: ReadonlyMap<string, unknown>;
  readonly identity: ServerIdentity | undefined;
}

type Line =
  | { readonly object: KubeObject }
  | { readonly removed: string; readonly uid: string; readonly revision: number }
  | { readonly memory: string; readonly value: unknown }
  | { readonly identity: ServerIdentity }
  | { readonly revision: number };

/**
 * The cluster's memory, as the lab's `world.jsonl` is the machines': one line for every change, written before
 * anybody hears of it. At start, and whenever it has grown to twice what the objects need, it is replaced in one
 * rename by a file of the last states.
 */
export class StoreJournal {
  readonly #file: string;
  readonly #leastGrowthBytes: number;
  #objects = new Map<string, KubeObject>();
  readonly #memories = new Map<string, unknown>();
  #identity: ServerIdentity | undefined;
  #revision = 0;
  #descriptor = -1;
  #baseBytes = 0;
  #grownBytes = 0;

  /** @param folder is created when it is not there. */
  constructor(folder: string, leastGrowthBytes = 16 * 1024 * 1024) {
    mkdirSync(folder, { recursive: true });
    this.#file = path.join(folder, "kubernetes.jsonl");
    this.#leastGrowthBytes = leastGrowthBytes;
    this.#read();
    this.#compact();
  }

  get remembered(): Remembered {
    return {
      revision: this.#revision,
      objects: this.#objects,
      memories: this.#memories,
      identity: this.#identity,
    };
  }

  saveObject(object: KubeObject): void {
    this.#take({ object });
    this.#append(`{"object":${textOf(object)}}`);
  }

  saveRemoval(key: ObjectKey, uid: string, revision: number): void {
    this.#save({ removed: placeOf(key.kind, key), uid, revision });
  }

  saveMemory(uid: string, value: unknown): void {
    this.#save({ memory: uid, value });
  }

  saveIdentity(identity: ServerIdentity): void {
    this.#save({ identity });
  }

  /** Everything is as it was at that revision. */
  replace(revision: number, objects: readonly KubeObject[]): void {
    this.#objects = new Map(
      objects.map((object) => [placeOf(kindOfObject(object), object.metadata), object]),
    );
    this.#revision = revision;
    this.#compact();
  }

  close(): void {
    if (this.#descriptor === -1) return;
    closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  #save(line: Line): void {
    this.#take(line);
    this.#append(JSON.stringify(line));
  }

  #append(text: string): void {
    if (this.#descriptor === -1) return;
    this.#grownBytes += writeSync(this.#descriptor, `${text}\n`);
    if (this.#grownBytes > Math.max(this.#leastGrowthBytes, this.#baseBytes)) this.#compact();
  }

  #take(line: Line): void {
    if ("object" in line) {
      const { object } = line;
      this.#objects.set(placeOf(kindOfObject(object), object.metadata), object);
      this.#revision = Math.max(this.#revision, Number(object.metadata.resourceVersion));
    } else if ("removed" in line) {
      this.#objects.delete(line.removed);
      this.#memories.delete(line.uid);
      this.#revision = Math.max(this.#revision, line.revision);
    } else if ("memory" in line) this.#memories.set(line.memory, line.value);
    else if ("identity" in line) this.#identity = line.identity;
    else this.#revision = Math.max(this.#revision, line.revision);
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
    const lines: string[] = [JSON.stringify({ revision: this.#revision })];
    if (this.#identity !== undefined) lines.push(JSON.stringify({ identity: this.#identity }));
    for (const object of this.#objects.values()) lines.push(`{"object":${textOf(object)}}`);
    for (const [memory, value] of this.#memories) lines.push(JSON.stringify({ memory, value }));
    const whole = `${lines.join("\n")}\n`;
    const fresh = `${this.#file}.new`;
    // Private keys and tokens are in it.
    writeFileSync(fresh, whole, { mode: 0o600 });
    renameSync(fresh, this.#file);
    this.#descriptor = openSync(this.#file, "a");
    this.#baseBytes = Buffer.byteLength(whole);
    this.#grownBytes = 0;
  }
}

function placeOf(
  kind: string,
  metadata: { readonly namespace?: string; readonly name: string },
): string {
  return `${kind}:${pathOf(metadata)}`;
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
