import type { KubeObject } from "#lab/kubernetes/object.ts";
import { pathOf } from "./change.ts";
import type { Change } from "./change.ts";
import { textOf } from "./text.ts";

/** How many changes of a kind are kept for watchers that come back, and for pages of a list that go on. */
const keptChanges = 10_000;

/** And how much they may weigh together, as text: large objects must not fill the memory by being written often. */
const keptBytes = 64 * 1024 * 1024;

/** History is cut off in pieces, not change by change. */
const slack = 1.1;

export interface Filter {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** All objects of one kind, and the latest part of their history. */
export class Collection {
  readonly #objects = new Map<string, KubeObject>();
  readonly #byNamespace = new Map<string, Map<string, KubeObject>>();
  readonly #byLabel = new Map<string, Map<string, KubeObject>>();
  #sorted: readonly KubeObject[] | undefined;
  #changes: Change[] = [];
  #changesBytes = 0;
  /** The history is whole for revisions from here on. */
  #knownFrom: number;

  constructor(knownFrom: number) {
    this.#knownFrom = knownFrom;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(path: string): KubeObject | undefined {
    return this.#objects.get(path);
  }

  /** The one that has been there longest. */
  oldest(): KubeObject | undefined {
    return this.#objects.values().next().value;
  }

  /** Of one namespace and with these labels, in no order; the smallest index that fits is searched. */
  select({ namespace, labels }: Filter): readonly KubeObject[] {
    const indexes: ReadonlyMap<string, KubeObject>[] = [this.#objects];
    if (namespace !== undefined) indexes.push(this.#byNamespace.get(namespace) ?? new Map());
    for (const [name, value] of Object.entries(labels ?? {}))
      indexes.push(this.#byLabel.get(labelKey(name, value)) ?? new Map());
    const [smallest = this.#objects] = indexes.toSorted((a, b) => a.size - b.size);
    return [...smallest.values()].filter(
      ({ metadata }) =>
        (namespace === undefined || metadata.namespace === namespace) &&
        Object.entries(labels ?? {}).every(([name, value]) => metadata.labels?.[name] === value),
    );
  }

  /** Everything, in the order of lists. */
  sorted(): readonly KubeObject[] {
    this.#sorted ??= inOrder(this.#objects);
    return this.#sorted;
  }

  /** Everything as it was at a revision; undefined when that is no longer known. */
  at(revision: number): readonly KubeObject[] | undefined {
    if (revision < this.#knownFrom) return undefined;
    const later = this.#changes.slice(this.#firstAfter(revision));
    if (later.length === 0) return this.sorted();
    const objects = new Map(this.#objects);
    for (const { object, previous } of later.toReversed()) {
      if (previous === null) objects.delete(pathOf(object.metadata));
      else objects.set(pathOf(object.metadata), previous);
    }
    return inOrder(objects);
  }

  /** What happened after a revision; undefined when that is no longer known. */
  since(revision: number): readonly Change[] | undefined {
    return revision < this.#knownFrom ? undefined : this.#changes.slice(this.#firstAfter(revision));
  }

  take(change: Change): void {
    const { object, previous } = change;
    const path = pathOf(object.metadata);
    if (previous !== null) this.#unindex(path, previous);
    if (change.type === "DELETED") this.#objects.delete(path);
    else {
      this.#objects.set(path, object);
      this.#index(path, object);
    }
    this.#sorted = undefined;
    this.#changes.push(change);
    this.#changesBytes += weightOf(change);
    if (this.#changes.length > keptChanges * slack || this.#changesBytes > keptBytes * slack)
      this.#trim();
  }

  /** Drops the oldest changes; who asks for them from now on is told that they are gone. */
  #trim(): void {
    let count = Math.max(0, this.#changes.length - keptChanges);
    let bytes = bytesOf(this.#changes.slice(count));
    for (; bytes > keptBytes; count += 1) bytes -= bytesOf(this.#changes.slice(count, count + 1));
    const dropped = this.#changes.splice(0, count);
    this.#changesBytes = bytes;
    this.#knownFrom = dropped.at(-1)?.revision ?? this.#knownFrom;
  }

  /** Puts an object there that was there before the history began. */
  load(object: KubeObject): void {
    const path = pathOf(object.metadata);
    this.#objects.set(path, object);
    this.#index(path, object);
    this.#sorted = undefined;
  }

  /** Forgets what happened before a revision. */
  forget(revision: number): void {
    this.#changes = this.#changes.slice(this.#firstAfter(revision));
    this.#changesBytes = bytesOf(this.#changes);
    this.#knownFrom = Math.max(this.#knownFrom, revision);
  }

  /** The place of the first change after a revision; the changes are in order. */
  #firstAfter(revision: number): number {
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #index(path: string, object: KubeObject): void {
    for (const [index, key] of this.#indexKeys(object)) {
      const entries = index.get(key);
      if (entries === undefined) index.set(key, new Map([[path, object]]));
      else entries.set(path, object);
    }
  }

  #unindex(path: string, object: KubeObject): void {
    for (const [index, key] of this.#indexKeys(object)) {
      const entries = index.get(key);
      entries?.delete(path);
      if (entries?.size === 0) index.delete(key);
    }
  }

  *#indexKeys({
    metadata,
  }: KubeObject): Iterable<readonly [Map<string, Map<string, KubeObject>>, string]> {
    yield [this.#byNamespace, metadata.namespace ?? ""];
    for (const [name, value] of Object.entries(metadata.labels ?? {}))
      yield [this.#byLabel, labelKey(name, value)];
  }
}

/** What was there before is the object of an earlier change. */
function weightOf({ object }: Change): number {
  return textOf(object).length;
}

function bytesOf(changes: readonly Change[]): number {
  return changes.reduce((sum, change) => sum + weightOf(change), 0);
}

function labelKey(name: string, value: string): string {
  return `${name}=${value}`;
}

function inOrder(objects: ReadonlyMap<string, KubeObject>): readonly KubeObject[] {
  return [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}
