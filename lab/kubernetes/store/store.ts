import { warnOf } from "#lab/kubernetes/warning.ts";
import type { KindName, KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { kindOfObject } from "#lab/kubernetes/kinds/kind.ts";
import { pathOf } from "./change.ts";
import type { Change } from "./change.ts";
import { Collection } from "./collection.ts";
import type { Filter } from "./collection.ts";
import type { StoreJournal } from "./journal.ts";

type Listener = (change: Change) => void;

/** An empty cluster's first revision: clients use 0 and 1 for "any" and "the beginning". */
const firstRevision = 100;

/**
 * Every object of the cluster in its storage version, numbered by one sequence of revisions. Objects are never changed
 * in place: whoever holds one holds it as it was. Every change is in the journal before anybody hears of it.
 */
export class ObjectStore {
  readonly #journal: StoreJournal | null;
  readonly #collections = new Map<KindName, Collection>();
  readonly #memories = new Map<string, unknown>();
  readonly #listeners = new Set<Listener>();
  readonly #watchers = new Map<KindName, Set<Listener>>();
  readonly #resetListeners = new Set<() => void>();
  #revision = firstRevision;
  /** Before this one the history is unknown to everybody: the API server began here. */
  #startRevision: number;
  /** Lists of the past are refused before this one. */
  #compactedRevision: number;

  constructor(journal: StoreJournal | null) {
    this.#journal = journal;
    if (journal !== null) {
      const { revision, objects, memories } = journal.remembered;
      this.#revision = Math.max(firstRevision, revision);
      for (const object of objects.values()) this.#collectionOf(object).load(object);
      for (const [uid, memory] of memories) this.#memories.set(uid, memory);
    }
    this.#startRevision = this.#revision;
    this.#compactedRevision = this.#revision;
    for (const collection of this.#collections.values()) collection.forget(this.#revision);
  }

  /** The latest one given out. */
  get revision(): number {
    return this.#revision;
  }

  get({ kind, namespace, name }: ObjectKey): KubeObject | undefined {
    return this.#collections.get(kind)?.get(pathOf({ namespace, name }));
  }

  /** In the order of lists. */
  list(kind: KindName): readonly KubeObject[] {
    return this.#collections.get(kind)?.sorted() ?? [];
  }

  /** In no order, without a look at everything when an index fits. */
  select(kind: KindName, filter: Filter): readonly KubeObject[] {
    return this.#collections.get(kind)?.select(filter) ?? [];
  }

  count(kind: KindName): number {
    return this.#collections.get(kind)?.size ?? 0;
  }

  oldest(kind: KindName): KubeObject | undefined {
    return this.#collections.get(kind)?.oldest();
  }

  *everything(): Iterable<KubeObject> {
    for (const collection of this.#collections.values()) yield* collection.sorted();
  }

  /** The objects of a kind as they were; undefined when that revision was compacted. */
  at(kind: KindName, revision: number): readonly KubeObject[] | undefined {
    if (revision < this.#compactedRevision) return undefined;
    const collection = this.#collections.get(kind);
    return collection === undefined ? [] : collection.at(revision);
  }

  /** What happened to a kind after a revision; undefined when the window no longer reaches so far. */
  since(kind: KindName, revision: number): readonly Change[] | undefined {
    if (revision < this.#startRevision) return undefined;
    const collection = this.#collections.get(kind);
    return collection === undefined ? [] : collection.since(revision);
  }

  /** Stores an object under the next revision, whatever was there before. */
  put(object: KubeObject): KubeObject {
    const collection = this.#collectionOf(object);
    const previous = collection.get(pathOf(object.metadata)) ?? null;
    const stored = this.#numbered(object);
    this.#journal?.saveObject(stored);
    const type = previous === null ? "ADDED" : "MODIFIED";
    this.#tell(collection, { revision: this.#revision, type, object: stored, previous });
    return stored;
  }

  /** Takes an object away; returns it as it was, under the revision of its end. Undefined when it is not there. */
  remove(key: ObjectKey): KubeObject | undefined {
    const previous = this.get(key);
    if (previous === undefined) return undefined;
    const object = this.#numbered(previous);
    this.#memories.delete(object.metadata.uid);
    this.#journal?.saveRemoval(key, object.metadata.uid, this.#revision);
    const collection = this.#collectionOf(object);
    this.#tell(collection, { revision: this.#revision, type: "DELETED", object, previous });
    return object;
  }

  memory(uid: string): unknown {
    return this.#memories.get(uid);
  }

  remember(uid: string, memory: unknown): void {
    this.#memories.set(uid, memory);
    this.#journal?.saveMemory(uid, memory);
  }

  /** Hears of every change, until the returned function is called. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Hears of the changes of one kind, until the returned function is called. */
  watch(kind: KindName, listener: Listener): () => void {
    const watchers = this.#watchers.get(kind) ?? new Set();
    this.#watchers.set(kind, watchers.add(listener));
    return () => void watchers.delete(listener);
  }

  /** Hears when the history breaks off (a restart, a restore): nothing that was read before can be followed up. */
  onReset(listener: () => void): () => void {
    this.#resetListeners.add(listener);
    return () => void this.#resetListeners.delete(listener);
  }

  /** What etcd does every few minutes: lists of the past are gone, while watches still find their window. */
  compact(): void {
    this.#compactedRevision = this.#revision;
  }

  /** What a restart of the API server does: its watch cache begins anew. */
  restart(): void {
    for (const collection of this.#collections.values()) collection.forget(this.#revision);
    this.#startRevision = this.#revision;
    for (const listener of this.#resetListeners) listener();
  }

  /**
   * What the restore of an older backup of etcd does: objects and the sequence of revisions are as they were, and the
   * same numbers are given out again. False when that revision is not known any more.
   */
  restore(revision: number): boolean {
    if (revision > this.#revision) return false;
    const then = [...this.#collections.keys()].map((kind) => this.at(kind, revision));
    if (!then.every((objects) => objects !== undefined)) return false;
    this.#collections.clear();
    this.#revision = revision;
    this.#startRevision = revision;
    this.#compactedRevision = revision;
    for (const object of then.flat()) this.#collectionOf(object).load(object);
    this.#journal?.replace(revision, then.flat());
    for (const listener of this.#resetListeners) listener();
    return true;
  }

  #numbered(object: KubeObject): KubeObject {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #tell(collection: Collection, change: Change): void {
    collection.take(change);
    for (const listener of this.#listeners) hear(listener, change);
    for (const listener of this.#watchers.get(kindOfObject(change.object)) ?? [])
      hear(listener, change);
  }

  #collectionOf(object: KubeObject): Collection {
    const kind = kindOfObject(object);
    const known = this.#collections.get(kind);
    if (known !== undefined) return known;
    const fresh = new Collection(this.#startRevision);
    this.#collections.set(kind, fresh);
    return fresh;
  }
}

/** What is stored is stored: who stumbles over it keeps neither the writer nor the other listeners from going on. */
function hear(listener: Listener, change: Change): void {
  try {
    listener(change);
  } catch (error) {
    const { kind, metadata } = change.object;
    warnOf(`a listener failed at ${kind} ${metadata.namespace ?? ""}/${metadata.name}`, error);
  }
}
