import { definitionKind, definitionName } from "#lab/kubernetes/kinds/definition.ts";
import { kindOfObject, nameOfKind } from "#lab/kubernetes/kinds/kind.ts";
import type { Kinds } from "#lab/kubernetes/kinds/registry.ts";
import type { KindName, KubeObject, ObjectKey, OwnerReference } from "#lab/kubernetes/object.ts";
import { ownerErrors } from "#lab/kubernetes/schema/owner-rules.ts";
import type { Change } from "#lab/kubernetes/store/change.ts";
import type { ObjectStore } from "#lab/kubernetes/store/store.ts";
import { warnOf } from "#lab/kubernetes/warning.ts";
import { cleanupFinalizer } from "#lab/kubernetes/writes/birth.ts";
import { isJson } from "#lab/kubernetes/writes/incoming.ts";
import { keyOf } from "#lab/kubernetes/writes/writer.ts";
import type { Writer, Writing } from "#lab/kubernetes/writes/writer.ts";
import { servedOf } from "./client.ts";
import { backOffMs } from "./operators.ts";
import { classifyOwners, foregroundFinalizer, isInForegroundDeletion } from "./owners.ts";

/** Finalizer of an owner whose dependents shall outlive it (propagationPolicy Orphan). */
export const orphanFinalizer = "orphan";

/**
 * What kube-controller-manager does here: objects whose owners are all gone follow them, a namespace takes its
 * contents with it, and so does a CustomResourceDefinition. It works after the change that caused it, never inside.
 */
export class Cleaner {
  readonly #store: ObjectStore;
  readonly #backOffMs: number;
  readonly #kinds: Kinds;
  readonly #writer: Writer;
  /** Dependents by their owners' uids. */
  readonly #dependents = new Map<string, Map<string, ObjectKey>>();
  readonly #todo: (() => void)[] = [];
  readonly #forget: readonly (() => void)[];
  readonly #again = new Set<NodeJS.Timeout>();
  #turn: NodeJS.Immediate | undefined;

  /** @param speed how many times as fast as life. */
  constructor(store: ObjectStore, kinds: Kinds, writer: Writer, speed: number) {
    this.#store = store;
    this.#backOffMs = backOffMs / speed;
    this.#kinds = kinds;
    this.#writer = writer;
    this.#forget = [
      store.onChange((change) => this.#changed(change)),
      store.onReset(() => this.#readAll()),
    ];
    this.#readAll();
  }

  close(): void {
    for (const forget of this.#forget) forget();
    clearImmediate(this.#turn);
    for (const timer of this.#again) clearTimeout(timer);
  }

  /** Begins with what is there: a lab that was killed may have left something half cleaned. */
  #readAll(): void {
    this.#dependents.clear();
    for (const object of this.#store.everything()) this.#index(object);
    for (const object of this.#store.everything()) this.#lookLater(object);
  }

  #changed({ type, object, previous }: Change): void {
    if (previous !== null) this.#unindex(previous);
    if (type !== "DELETED") this.#index(object);
    const { metadata } = object;
    // A reference that is dropped or blocks no longer may be what an owner has waited for.
    for (const { uid } of ownersOf(previous))
      if (this.#ownersInForeground.has(uid)) this.#later(() => this.#settleOwner(uid));
    if (type === "DELETED") {
      const dependents = this.#dependents.get(metadata.uid);
      if (dependents !== undefined) this.#later(() => this.#orphaned(metadata.uid));
      if (metadata.namespace !== undefined) this.#settleNamespaceLater(metadata.namespace);
      this.#settleDefinitionLater(kindOfObject(object));
    } else this.#lookLater(object);
  }

  #lookLater(object: KubeObject): void {
    if (object.metadata.deletionTimestamp !== undefined) this.#later(() => this.#dying(object));
    else if (ownersOf(object).length > 0)
      this.#later(() => this.#collect(keyOf(kindOfObject(object), object.metadata)));
  }

  #later(act: () => void): void {
    this.#todo.push(act);
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      for (const each of this.#todo.splice(0)) this.#attempt(each);
    });
  }

  /** What cannot be cleaned up now is tried again; nobody is there to be told of it. */
  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      warnOf("kube-controller-manager failed to clean up", error);
      const timer = setTimeout(() => {
        this.#again.delete(timer);
        this.#later(act);
      }, this.#backOffMs);
      this.#again.add(timer);
    }
  }

  #dying(seen: KubeObject): void {
    const name = kindOfObject(seen);
    const live = this.#live(keyOf(name, seen.metadata));
    // By now another one may have its name.
    if (live?.metadata.uid !== seen.metadata.uid) return;
    const { metadata } = live;
    const { uid, finalizers = [] } = metadata;
    if (name === "Namespace") this.#emptyNamespace(metadata.name);
    if (finalizers.includes(cleanupFinalizer)) this.#emptyDefinition(metadata.name);
    if (finalizers.includes(orphanFinalizer)) {
      this.#dependentsOf(uid).forEach((key) => this.#disown(key, [uid]));
      this.#dropFinalizer(keyOf(name, metadata), orphanFinalizer);
    }
    if (finalizers.includes(foregroundFinalizer)) {
      this.#dependentsOf(uid).forEach((key) => this.#collect(key));
      this.#settleOwner(uid);
    }
  }

  /** Lets an owner go that waited for its dependents, once none that holds it is left. */
  #settleOwner(uid: string): void {
    const holding = this.#dependentsOf(uid).some((key) =>
      ownersOf(this.#live(key)).some(
        (owner) => owner.uid === uid && owner.blockOwnerDeletion === true,
      ),
    );
    if (holding) return;
    const key = this.#ownersInForeground.get(uid);
    if (key !== undefined) this.#dropFinalizer(key, foregroundFinalizer);
    this.#ownersInForeground.delete(uid);
  }

  readonly #ownersInForeground = new Map<string, ObjectKey>();

  /** An object that can be written. Of a kind that was taken away by force, none can. */
  #live(key: ObjectKey): KubeObject | undefined {
    return this.#kinds.get(key.kind) === undefined ? undefined : this.#store.get(key);
  }

  #dropFinalizer(key: ObjectKey, finalizer: string): void {
    const live = this.#live(key);
    const { finalizers = [] } = live?.metadata ?? {};
    if (live === undefined || !finalizers.includes(finalizer)) return;
    const rest = finalizers.filter((each) => each !== finalizer);
    this.#write(key, live, { ...live, metadata: { ...live.metadata, finalizers: rest } });
  }

  #disown(key: ObjectKey, uids: readonly string[]): void {
    const live = this.#live(key);
    if (live === undefined) return;
    const ownerReferences = ownersOf(live).filter(({ uid }) => !uids.includes(uid));
    this.#write(key, live, { ...live, metadata: { ...live.metadata, ownerReferences } });
  }

  #write(key: ObjectKey, live: KubeObject, next: KubeObject): void {
    const options = { subresource: null, isVersionNeeded: false };
    this.#writer.update(this.#writing(key.kind), live, next, options);
  }

  #orphaned(uid: string): void {
    this.#dependentsOf(uid).forEach((key) => this.#collect(key));
  }

  /** As they are now: what is done to one of them changes who they are. */
  #dependentsOf(uid: string): readonly ObjectKey[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])];
  }

  /** Deletes an object that no owner keeps; one that is kept loses its references to the others. */
  #collect(key: ObjectKey): void {
    const object = this.#live(key);
    const owners = ownersOf(object);
    const { namespace, deletionTimestamp } = object?.metadata ?? {};
    if (owners.length === 0 || deletionTimestamp !== undefined) return;
    const { solid, dangling, waiting } = classifyOwners(owners, (owner) =>
      this.#find(owner, namespace),
    );
    const ending = [...dangling, ...waiting].map(({ uid }) => uid);
    if (solid.length === 0) this.#delete(key, waiting.length > 0);
    else if (ending.length > 0) this.#disown(key, ending);
  }

  #find(owner: OwnerReference, namespace: string | undefined): KubeObject | "unknown" | undefined {
    const kind = this.#kinds.get(kindOfObject(owner));
    // An owner of a kind that nobody knows may well exist.
    if (kind === undefined) return "unknown";
    const place = kind.scope === "Cluster" ? "" : (namespace ?? "");
    const found = this.#store.get({ kind: nameOfKind(kind), namespace: place, name: owner.name });
    return found?.metadata.uid === owner.uid ? found : undefined;
  }

  #delete(key: ObjectKey, isForeground: boolean): void {
    const live = this.#live(key);
    if (live === undefined) return;
    const hasDependents = this.#dependents.has(live.metadata.uid);
    const policy = isForeground && hasDependents ? { with: [foregroundFinalizer] } : {};
    this.#writer.remove(this.#writing(key.kind), live, policy);
  }

  #emptyNamespace(namespace: string): void {
    for (const kind of this.#kinds.all()) {
      const name = nameOfKind(kind);
      for (const { metadata } of this.#store.select(name, { namespace }))
        if (metadata.namespace !== undefined) this.#delete(keyOf(name, metadata), false);
    }
    this.#settleNamespaceLater(namespace);
  }

  #settleNamespaceLater(namespace: string): void {
    const key = { kind: "Namespace", namespace: "", name: namespace };
    if (this.#store.get(key)?.metadata.deletionTimestamp === undefined) return;
    this.#later(() => {
      const isEmpty = this.#kinds
        .all()
        .every((kind) => this.#store.select(nameOfKind(kind), { namespace }).length === 0);
      if (isEmpty) this.#releaseNamespace(key);
    });
  }

  /** Its contents hold it no longer; finalizers of its own metadata may. */
  #releaseNamespace(key: ObjectKey): void {
    const live = this.#store.get(key);
    if (live === undefined || !isJson(live["spec"])) return;
    const { finalizers: _held, ...spec } = live["spec"];
    this.#write(key, live, { ...live, spec });
  }

  #emptyDefinition(definition: string): void {
    const kind = this.#kinds.all().find((each) => definitionName(each) === definition);
    if (kind === undefined) {
      this.#dropFinalizer(definitionKey(definition), cleanupFinalizer);
      return;
    }
    const name = nameOfKind(kind);
    for (const { metadata } of this.#store.list(name)) this.#delete(keyOf(name, metadata), false);
    this.#settleDefinitionLater(name);
  }

  #settleDefinitionLater(name: KindName): void {
    const kind = this.#kinds.get(name);
    if (kind === undefined) return;
    const key = definitionKey(definitionName(kind));
    if (this.#store.get(key)?.metadata.deletionTimestamp === undefined) return;
    this.#later(() => {
      if (this.#store.count(name) === 0) this.#dropFinalizer(key, cleanupFinalizer);
    });
  }

  #writing(kind: KindName): Writing {
    return {
      served: servedOf(this.#kinds, kind),
      manager: "kube-controller-manager",
      isDryRun: false,
      fields: { validation: "Ignore", warn: () => undefined, isPatch: false, oddities: [] },
      isOperator: true,
      isTracked: true,
      key: null,
    };
  }

  #index(object: KubeObject): void {
    const key = keyOf(kindOfObject(object), object.metadata);
    if (isInForegroundDeletion(object)) this.#ownersInForeground.set(object.metadata.uid, key);
    for (const owner of ownersOf(object)) {
      const known = this.#dependents.get(owner.uid);
      if (known === undefined) this.#dependents.set(owner.uid, new Map([[placeOf(key), key]]));
      else known.set(placeOf(key), key);
    }
  }

  #unindex(object: KubeObject): void {
    const key = keyOf(kindOfObject(object), object.metadata);
    for (const owner of ownersOf(object)) {
      const known = this.#dependents.get(owner.uid);
      known?.delete(placeOf(key));
      if (known?.size === 0) this.#dependents.delete(owner.uid);
    }
  }
}

/** The owners that can be followed: what was kept before owners were checked may be anything. */
function ownersOf(object: KubeObject | null | undefined): readonly OwnerReference[] {
  const owners: unknown = object?.metadata.ownerReferences;
  if (!Array.isArray(owners)) return [];
  return (owners as OwnerReference[]).filter((owner) => ownerErrors([owner], "").length === 0);
}

function definitionKey(name: string): ObjectKey {
  return { kind: definitionKind, namespace: "", name };
}

function placeOf({ kind, namespace, name }: ObjectKey): string {
  return `${kind} ${namespace}/${name}`;
}
