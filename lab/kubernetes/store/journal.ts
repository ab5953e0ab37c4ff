import path from "node:path";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { kindOfObject } from "#lab/kubernetes/kinds/kind.ts";
import { LineFile } from "#lab/line-file.ts";
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
 * The cluster's memory, as the lab's `world.jsonl` is the machines': a line for every change, written before
 * anybody hears of it. What is kept is the last state of each object.
 */
export class StoreJournal {
  readonly #file: LineFile;
  #objects = new Map<string, KubeObject>();
  readonly #memories = new Map<string, unknown>();
  #identity: ServerIdentity | undefined;
  #revision = 0;

  /** @param folder is created when it is not there. */
  constructor(folder: string, leastGrowthBytes = 16 * 1024 * 1024) {
    this.#file = new LineFile(path.join(folder, "kubernetes.jsonl"), { leastGrowthBytes });
    for (const line of this.#file.read()) this.#take(line as Line);
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
    this.#file.close();
  }

  #save(line: Line): void {
    this.#take(line);
    this.#append(JSON.stringify(line));
  }

  #append(text: string): void {
    if (this.#file.append(text)) this.#compact();
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

  #compact(): void {
    const lines: string[] = [JSON.stringify({ revision: this.#revision })];
    if (this.#identity !== undefined) lines.push(JSON.stringify({ identity: this.#identity }));
    for (const object of this.#objects.values()) lines.push(`{"object":${textOf(object)}}`);
    for (const [memory, value] of this.#memories) lines.push(JSON.stringify({ memory, value }));
    this.#file.replace(lines);
  }
}

function placeOf(
  kind: string,
  metadata: { readonly namespace?: string; readonly name: string },
): string {
  return `${kind}:${pathOf(metadata)}`;
}
