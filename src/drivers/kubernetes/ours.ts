import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { ReadOptions, WriteOptions } from "#drivers/ports.ts";
import type { KubernetesClient } from "./client.ts";
import { covers } from "./covers.ts";
import { assertOurs } from "./labels.ts";
import {
  type HasMeta,
  type JsonPatch,
  type Kind,
  type Manifest,
  Meta,
  nameOf,
  type ObjectName,
} from "./object.ts";
import { isRefused } from "./refusal.ts";

/** An object of ours: where it is and the id in its label. */
export interface Ours extends ObjectName {
  readonly id: string;
}

/** How often a write that collides with others is tried on the newest object. */
const attempts = 5;

const AnyObject = z.looseObject({ metadata: Meta });

/** The kind with all its fields, for comparing what is there with what is wished. */
const whole = (kind: Kind<HasMeta>): Kind<z.infer<typeof AnyObject>> => ({
  ...kind,
  schema: AnyObject,
});

/** Null when nothing has the name; CONFLICT when it is another's. */
export const readOurs = async <T extends HasMeta>(
  client: KubernetesClient,
  kind: Kind<T>,
  at: Ours,
  options: ReadOptions,
): Promise<T | null> => {
  const found = await client.read(kind, at, options);
  return found === null ? null : assertOurs(kind, found, at.id);
};

/**
 * Creates the object. `already` when it is there, ours and as wished; one that is ours and otherwise is brought to the wish. CONFLICT when the
 * name is another's, or while our own of that name is being deleted.
 */
export const ensure = async (
  client: KubernetesClient,
  kind: Kind<HasMeta>,
  manifest: Manifest,
  owner: { readonly id: string },
  options: WriteOptions,
): Promise<"asked" | "already"> => {
  const at = { ...owner, name: manifest.metadata.name, namespace: manifest.metadata.namespace };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.create(kind, manifest, options);
      return "asked";
    } catch (error) {
      if (attempt === attempts) throw error;
      // What counts for a quota is an object that others write too: a create can collide without the name being taken.
      if (isRefused(error, "CONFLICT", "Conflict")) {
        await client.pause(attempt, options);
        continue;
      }
      if (!isRefused(error, "CONFLICT", "AlreadyExists")) throw error;
    }
    const there = await readOurs(client, whole(kind), at, options);
    if (there === null) continue;
    if (there.metadata.deletionTimestamp !== undefined) throw beingDeleted(kind, at);
    const { apiVersion: _apiVersion, kind: _kind, metadata, ...wished } = manifest;
    if (covers(there, wished)) return "already";
    await client.apply(
      kind,
      { ...manifest, metadata: { ...metadata, uid: there.metadata.uid } },
      options,
    );
    return "asked";
  }
};

const beingDeleted = (kind: { readonly kind: string }, at: ObjectName): Failure =>
  new Failure("CONFLICT", `${nameOf(kind, at)} is being deleted`, {
    details: { reason: "deleting", object: `${kind.kind}/${at.name}`, namespace: at.namespace },
  });

/** Throws what `change` throws for the object of ours as it is now. NOT_FOUND without the object. Read-only. */
export const checkEdit = async <T extends HasMeta>(
  client: KubernetesClient,
  kind: Kind<T>,
  at: Ours,
  change: (object: T) => unknown,
  options: ReadOptions,
): Promise<void> => {
  const there = await readOurs(client, kind, at, options);
  if (there === null) throw notThere(kind, at);
  change(there);
};

/**
 * Changes an object of ours by a JSON patch that `change` makes of the newest one; null from it means that nothing is to be done: `already`.
 * Its `test` operations say on what it relies; when they fail, or another write comes between, the object is read again. NOT_FOUND
 * without the object.
 */
export const edit = async <T extends HasMeta>(
  client: KubernetesClient,
  kind: Kind<T>,
  at: Ours,
  change: (object: T) => readonly JsonPatch[] | null,
  options: WriteOptions,
): Promise<"asked" | "already"> => {
  let refused: { readonly patch: string; readonly error: Failure } | null = null;
  for (let attempt = 1; ; attempt += 1) {
    const there = await readOurs(client, kind, at, options);
    if (there === null) throw notThere(kind, at);
    const changes = change(there);
    if (changes === null) return "already";
    const patch: readonly JsonPatch[] = [
      { op: "test", path: "/metadata/uid", value: there.metadata.uid },
      ...changes,
    ];
    const text = JSON.stringify(patch);
    // What it relies on has not changed, so it was not a test that failed.
    if (refused !== null && refused.patch === text) throw refused.error;
    try {
      await client.patch(kind, at, patch, options);
      return "asked";
    } catch (error) {
      if (isRefused(error, "KUBERNETES_REJECTED", "NotFound")) throw notThere(kind, at);
      const collided = isRefused(error, "CONFLICT", "Conflict");
      if (attempt === attempts || !(collided || isUnprocessable(error))) throw error;
      refused = collided ? null : { patch: text, error };
    }
    await client.pause(attempt, options);
  }
};

/** A failed `test` and an invalid object have the same status and no reason that tells them apart. */
const isUnprocessable = (error: unknown): error is Failure =>
  error instanceof Failure &&
  error.code === "KUBERNETES_REJECTED" &&
  error.details?.["status"] === 422;

export const notThere = (kind: { readonly kind: string }, at: ObjectName): Failure =>
  new Failure("NOT_FOUND", `there is no ${nameOf(kind, at)}`, {
    details: { object: `${kind.kind}/${at.name}`, namespace: at.namespace },
  });

/**
 * Asks for deletion of an object of ours; one that is being deleted is not asked again. `gone` when nothing is there, and no write of
 * ours may still arrive that makes it: then it is `asked`, for whoever waits until it is gone to come again.
 */
export const remove = async (
  client: KubernetesClient,
  kind: Kind<HasMeta>,
  at: Ours,
  options: WriteOptions,
): Promise<"asked" | "gone"> => {
  for (let attempt = 1; ; attempt += 1) {
    const there = await readOurs(client, kind, at, options);
    if (there === null) return client.mayArrive(kind, at) ? "asked" : "gone";
    const { uid, deletionTimestamp } = there.metadata;
    if (deletionTimestamp !== undefined) return "asked";
    try {
      return (await client.delete(kind, { ...at, uid }, options)) ? "asked" : "gone";
    } catch (error) {
      // Another object has taken the name since: whose it is decides.
      if (!isRefused(error, "CONFLICT", "Conflict") || attempt === attempts) throw error;
    }
    await client.pause(attempt, options);
  }
};

/** As `remove`, but for a name that may never have been ours: where another's object bears it, none of ours is there. */
export const removeIfOurs = async (
  client: KubernetesClient,
  kind: Kind<HasMeta>,
  at: Ours,
  options: WriteOptions,
): Promise<"asked" | "gone"> => {
  try {
    return await remove(client, kind, at, options);
  } catch (error) {
    if (isRefused(error, "CONFLICT", "not-ours")) return "gone";
    throw error;
  }
};
