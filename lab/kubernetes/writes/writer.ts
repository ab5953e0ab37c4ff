import { isDeepStrictEqual } from "node:util";
import type { KindName, KubeObject, ObjectKey, ObjectMeta } from "#lab/kubernetes/object.ts";
import type { AdmissionWrite } from "#lab/kubernetes/behaviours/behaviour.ts";
import { trackUpdate } from "#lab/kubernetes/apply/managed-fields.ts";
import { groupVersion, storageVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Kind } from "#lab/kubernetes/kinds/kind.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import type { ObjectStore } from "#lab/kubernetes/store/store.ts";
import {
  alreadyExists,
  forbidden,
  invalid,
  notFound,
  unclassified,
} from "#lab/kubernetes/status.ts";
import { asSecret, born, isHeldNamespace } from "./birth.ts";
import { check, shape } from "./fields.ts";
import type { FieldRules } from "./fields.ts";
import { atVersion } from "./incoming.ts";
import { checkMortal } from "./lifecycle.ts";
import { checkName, finalizerWarnings, timeText, updatedMetadata } from "./metadata.ts";

export interface WriterPorts {
  readonly store: ObjectStore;
  readonly clock: () => number;
  readonly newUid: () => string;
  /** Five characters for `generateName`. */
  readonly newSuffix: () => string;
  /** The operators' webhooks: what the write becomes, or a Refusal. */
  readonly admit: (write: AdmissionWrite) => KubeObject;
  /** Tells the lab's effect log what a client changed. */
  readonly note: (change: Noted) => void;
}

/** A change that a client made. */
export interface Noted {
  readonly action: "create" | "update" | "delete";
  readonly object: KubeObject;
  readonly manager: string;
  readonly subresource: string | null;
  /** The request's idempotency key. */
  readonly key: string | null;
}

/** Who writes, and how. */
export interface Writing {
  readonly served: Served;
  readonly manager: string;
  readonly isDryRun: boolean;
  readonly fields: FieldRules;
  /** An operator of the lab: its writes pass no admission and are no client's effect. */
  readonly isOperator: boolean;
  /** False when the manager's fields are in the object already, as after server-side apply. */
  readonly isTracked: boolean;
  readonly key: string | null;
}

export type Subresource = "status" | null;

/** Which finalizers of the garbage collector a deletion wants to be there, and which not. */
export interface DeletePolicy {
  readonly with?: readonly string[];
  readonly without?: readonly string[];
}

/**
 * The way of every write: to the storage version, without unknown fields, with defaults, validated, admitted, its managed
 * fields noted, then stored; and nothing stored when nothing changed. All of it happens in one turn of the event
 * loop, so what was read is still there when it is written.
 */
export class Writer {
  readonly #ports: WriterPorts;

  constructor(ports: WriterPorts) {
    this.#ports = ports;
  }

  /** Stores a new object. Refusals: 404 or 403 for its namespace, 409 for its name, 422. */
  create(writing: Writing, given: KubeObject): KubeObject {
    const { served, manager } = writing;
    const { kind } = served;
    const now = timeText(this.#ports.clock());
    const metadata = this.#bornMetadata(given.metadata, kind, now);
    const named = { ...given, metadata };
    this.#checkNamespace(kind, metadata);
    checkName(kind, metadata);
    const stored = storageVersion(kind);
    const apiVersion = groupVersion(kind.group, stored.name);
    const shaped = shape(atVersion(named, apiVersion), stored, served, writing.fields);
    const bare = stored.subresources.status ? without(shaped, "status") : shaped;
    const complete = born(bare, now);
    const admitted = this.#admitted(writing, "create", complete, null);
    check(admitted, stored, served, null);
    for (const warning of finalizerWarnings(kind, null, admitted.metadata))
      writing.fields.warn(warning);
    const there = this.#ports.store.get(keyOf(served.name, metadata));
    if (there !== undefined)
      throw alreadyExists(kind, metadata.name, there.metadata.deletionTimestamp !== undefined);
    const tracked = writing.isTracked
      ? trackUpdate({
          live: null,
          next: admitted,
          manager,
          apiVersion: given.apiVersion,
          now,
          schema: stored.schema,
        })
      : admitted;
    if (writing.isDryRun) return unstored(tracked);
    const created = this.#ports.store.put(tracked);
    this.#note(writing, "create", created, null);
    return created;
  }

  /**
   * Replaces an object by what became of it. A write to the main resource leaves the status as it was, and one to the
   * status everything else. The last finalizer taken off something that is being deleted ends it.
   * @param isVersionNeeded true for a client's write: it must say which version it replaces, if only because the patched object did.
   */
  update(
    writing: Writing,
    live: KubeObject,
    given: KubeObject,
    options: {
      readonly subresource: Subresource;
      readonly isVersionNeeded: boolean;
      /** The write came through `/scale`, and whoever made it owns the number as such. */
      readonly isScaled?: boolean;
    },
  ): KubeObject {
    // Operators are level-based: most of what they write is what is there, which needs no look at its fields.
    if (writing.isOperator && isDeepStrictEqual(given, live)) return live;
    const { served, manager } = writing;
    const { kind } = served;
    const { subresource, isVersionNeeded, isScaled = false } = options;
    const stored = storageVersion(kind);
    const apiVersion = groupVersion(kind.group, stored.name);
    const metadata = updatedMetadata(live, given, kind, {
      isPut: !writing.fields.isPatch,
      isVersionNeeded,
    });
    const shaped = shape(
      asSecret({ ...atVersion(given, apiVersion), metadata }),
      stored,
      served,
      writing.fields,
    );
    const merged = divide(live, shaped, subresource, stored.subresources.status);
    const admitted =
      subresource === null ? this.#admitted(writing, "update", merged, live) : merged;
    const isUnchanged =
      isDeepStrictEqual(comparable(admitted), comparable(live)) || isLettingGo(given, live);
    if (!isUnchanged) check(admitted, stored, served, live, subresource);
    for (const warning of finalizerWarnings(kind, live.metadata, admitted.metadata))
      writing.fields.warn(warning);
    const counted = withGeneration(live, admitted, stored.subresources.status, kind);
    const now = timeText(this.#ports.clock());
    const tracked = writing.isTracked
      ? trackUpdate({
          live,
          next: counted,
          manager,
          apiVersion: given.apiVersion,
          now,
          schema: stored.schema,
          ...(isScaled ? { subresource: "scale" } : subresource === null ? {} : { subresource }),
        })
      : counted;
    const isSame = isDeepStrictEqual(comparable(tracked), comparable(live));
    const isSameOwner = writing.isTracked || sameManagers(tracked, live);
    if (isSame && isSameOwner) return live;
    if (writing.isDryRun) return tracked;
    return this.#store(writing, live, tracked, subresource);
  }

  /**
   * Asks for an object's end: at once, or when the last finalizer is gone.
   * @returns what was there, and whether it is gone.
   */
  remove(
    writing: Writing,
    live: KubeObject,
    policy: DeletePolicy = {},
  ): { readonly object: KubeObject; readonly isGone: boolean } {
    const { store } = this.#ports;
    const { metadata } = live;
    checkMortal(live);
    if (!writing.isOperator) this.#admitted(writing, "delete", live, live);
    const kept = (metadata.finalizers ?? []).filter((one) => !policy.without?.includes(one));
    const finalizers = [...new Set([...kept, ...(policy.with ?? [])])];
    if (finalizers.length === 0 && !isHeldNamespace(live)) {
      if (writing.isDryRun) return { object: live, isGone: true };
      const object = store.remove(keyOf(writing.served.name, metadata)) ?? live;
      this.#note(writing, "delete", object, null);
      return { object, isGone: true };
    }
    const isDying = metadata.deletionTimestamp !== undefined;
    if (isDying && isDeepStrictEqual(finalizers, metadata.finalizers ?? finalizers))
      return { object: live, isGone: false };
    const dying: KubeObject = {
      ...live,
      ...(writing.served.name === "Namespace" ? { status: { phase: "Terminating" } } : {}),
      metadata: {
        ...metadata,
        ...(finalizers.length === 0 ? {} : { finalizers }),
        deletionTimestamp: metadata.deletionTimestamp ?? timeText(this.#ports.clock()),
        deletionGracePeriodSeconds: 0,
        ...(metadata.generation === undefined || isDying
          ? {}
          : { generation: metadata.generation + 1 }),
      },
    };
    if (writing.isDryRun) return { object: dying, isGone: false };
    const object = store.put(dying);
    this.#note(writing, "delete", object, null);
    return { object, isGone: false };
  }

  #store(
    writing: Writing,
    live: KubeObject,
    next: KubeObject,
    subresource: Subresource,
  ): KubeObject {
    const { store } = this.#ports;
    const { deletionTimestamp, finalizers = [] } = next.metadata;
    const isOver =
      deletionTimestamp !== undefined && finalizers.length === 0 && !isHeldNamespace(next);
    const object = isOver
      ? (store.remove(keyOf(writing.served.name, live.metadata)) ?? live)
      : store.put(next);
    this.#note(writing, "update", object, subresource);
    return isOver
      ? {
          ...next,
          metadata: { ...next.metadata, resourceVersion: object.metadata.resourceVersion },
        }
      : object;
  }

  #bornMetadata(given: ObjectMeta, kind: Kind, now: string): ObjectMeta {
    const {
      name,
      generateName,
      resourceVersion,
      uid: _uid,
      deletionTimestamp: _deletion,
      deletionGracePeriodSeconds: _grace,
      selfLink: _link,
      ...rest
    } = given as ObjectMeta & { readonly generateName?: string; readonly selfLink?: string };
    const chosen: string | undefined =
      name || (generateName === undefined ? undefined : generateName + this.#ports.newSuffix());
    if (chosen === undefined) {
      throw invalid(kind, "", [
        {
          reason: "FieldValueRequired",
          field: "metadata.name",
          message: "Required value: name or generateName is required",
        },
      ]);
    }
    if ((resourceVersion as string | undefined) !== undefined && resourceVersion !== "0") {
      throw unclassified("resourceVersion should not be set on objects to be created");
    }
    return {
      ...rest,
      ...(generateName === undefined ? {} : { generateName }),
      name: chosen,
      uid: this.#ports.newUid(),
      resourceVersion: "",
      creationTimestamp: now,
      ...(hasGeneration(kind) ? { generation: 1 } : {}),
    };
  }

  #checkNamespace(kind: Kind, { namespace, name }: ObjectMeta): void {
    if (kind.scope === "Cluster" || namespace === undefined) return;
    const found = this.#ports.store.get({ kind: "Namespace", namespace: "", name: namespace });
    if (found === undefined) throw notFound({ group: "", plural: "namespaces" }, namespace);
    if (found.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw forbidden(kind, name, why, [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ]);
  }

  /** What the webhooks make of it; they may change anything but what the server itself writes. */
  #admitted(
    writing: Writing,
    operation: AdmissionWrite["operation"],
    object: KubeObject,
    old: KubeObject | null,
  ): KubeObject {
    if (writing.isOperator) return object;
    return this.#ports.admit({ operation, object, old });
  }

  #note(
    writing: Writing,
    action: Noted["action"],
    object: KubeObject,
    subresource: Subresource,
  ): void {
    if (writing.isOperator) return;
    const { manager, key } = writing;
    this.#ports.note({ action, object, manager, subresource, key });
  }
}

/** What a dry run shows of a new object: it has no resourceVersion, as it was never stored. */
function unstored(object: KubeObject): KubeObject {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as ObjectMeta };
}

export function keyOf(
  kind: KindName,
  metadata: { readonly namespace?: string; readonly name: string },
): ObjectKey {
  return { kind, namespace: metadata.namespace ?? "", name: metadata.name };
}

/** Built-in kinds of this lab have no spec that a controller would have to follow, so they count no generations. */
function hasGeneration(kind: Kind): boolean {
  return kind.group.includes(".") && kind.group !== "coordination.k8s.io";
}

/** Which part of a write counts: the status for its subresource, everything else for the main resource. */
function divide(
  live: KubeObject,
  next: KubeObject,
  subresource: Subresource,
  hasStatus: boolean,
): KubeObject {
  if (subresource === "status") {
    const { managedFields } = next.metadata;
    const metadata =
      managedFields === undefined ? live.metadata : { ...live.metadata, managedFields };
    const base = without(live, "status");
    return "status" in next ? { ...base, metadata, status: next["status"] } : { ...base, metadata };
  }
  if (!hasStatus) return next;
  const base = without(next, "status");
  return "status" in live ? { ...base, status: live["status"] } : base;
}

/** One more for a change of anything but metadata and a status that has its own subresource. */
function withGeneration(
  live: KubeObject,
  next: KubeObject,
  hasStatus: boolean,
  kind: Kind,
): KubeObject {
  if (!hasGeneration(kind)) return next;
  const wish = (object: KubeObject): unknown => {
    const { metadata: _metadata, apiVersion: _apiVersion, ...rest } = object;
    return hasStatus ? { ...rest, status: null } : rest;
  };
  if (isDeepStrictEqual(wish(live), wish(next))) return next;
  const generation = (live.metadata.generation ?? 0) + 1;
  return { ...next, metadata: { ...next.metadata, generation } };
}

/** The object without what changes when nothing changes. */
function comparable(object: KubeObject): unknown {
  const { managedFields: _managed, resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/**
 * Whether nothing happens but that finalizers or owners are taken off. What no longer fits the definition of its kind must
 * still be able to end.
 */
function isLettingGo(next: KubeObject, live: KubeObject): boolean {
  const { finalizers = [], ownerReferences = [] } = next.metadata;
  const rest = (object: KubeObject): unknown => {
    const { apiVersion: _apiVersion, metadata, ...fields } = object;
    const {
      managedFields: _managed,
      resourceVersion: _version,
      finalizers: _finalizers,
      ownerReferences: _owners,
      ...kept
    } = metadata;
    return { ...fields, kept };
  };
  const isOneOf = (owner: unknown): boolean =>
    (live.metadata.ownerReferences ?? []).some((each) => isDeepStrictEqual(each, owner));
  return (
    finalizers.every((one) => live.metadata.finalizers?.includes(one) === true) &&
    ownerReferences.every(isOneOf) &&
    isDeepStrictEqual(rest(next), rest(live))
  );
}

/** Whether the same managers hold the same fields; their times do not count. */
function sameManagers(a: KubeObject, b: KubeObject): boolean {
  const held = (object: KubeObject): unknown =>
    (object.metadata.managedFields ?? []).map(({ time: _time, ...entry }) => entry);
  return isDeepStrictEqual(held(a), held(b));
}

function without(object: KubeObject, field: string): KubeObject {
  const { [field]: _field, ...rest } = object;
  return rest as KubeObject;
}
