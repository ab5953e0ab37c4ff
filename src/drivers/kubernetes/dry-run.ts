import { Failure } from "#contract/failures.ts";
import { z } from "zod";
import type { ReadOptions } from "#drivers/ports.ts";
import type { KubernetesClient } from "./client.ts";
import type { HasMeta, Kind, Manifest } from "./object.ts";
import { readOurs } from "./ours.ts";
import { isRefused } from "./refusal.ts";

const Causes = z
  .array(z.object({ field: z.string().default(""), message: z.string().default("") }))
  .catch([]);

/**
 * Asks the API server whether it would create the object: schemas and webhooks judge it, nothing is kept. An object of ours that is there
 * already is not tried again. VALIDATION_ERROR with the server's causes; CONFLICT when the name is another's.
 */
export const tryOut = async (
  client: KubernetesClient,
  kind: Kind<HasMeta>,
  manifest: Manifest,
  owner: { readonly id: string },
  options: ReadOptions,
): Promise<void> => {
  const { name, namespace } = manifest.metadata;
  const there = await readOurs(client, kind, { ...owner, name, namespace }, options);
  if (there !== null) return;
  try {
    await client.tryCreate(kind, manifest, options);
  } catch (error) {
    if (isRefused(error, "CONFLICT", "AlreadyExists")) {
      await readOurs(client, kind, { ...owner, name, namespace }, options);
      return;
    }
    // A collision says nothing about the object, and the create itself tries again.
    if (isRefused(error, "CONFLICT", "Conflict")) return;
    throw error instanceof Failure ? asWrongInput(error) : error;
  }
};

/** An object that the server calls invalid was made of an input that is. */
const asWrongInput = (failure: Failure): Failure => {
  const { status } = failure.details ?? {};
  if (failure.code !== "KUBERNETES_REJECTED" || (status !== 422 && status !== 400)) return failure;
  const causes = Causes.parse(failure.details?.["causes"]).filter(({ field }) => field !== "");
  const fields = Object.fromEntries(causes.map(({ field, message }) => [field, message]));
  return new Failure("VALIDATION_ERROR", failure.message, { details: { fields }, cause: failure });
};
