import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { fieldManager } from "./labels.ts";
import { Meta } from "./object.ts";

/**
 * Who else set a field. A JSON patch takes a field over from its owner without a word, where an apply would be refused; so what may be another's
 * wish is looked up in `metadata.managedFields` (FieldsV1) before it is patched.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */

const ManagedFields = z
  .array(
    z.object({
      manager: z.string().default(""),
      fieldsV1: z.record(z.string(), z.unknown()).default({}),
    }),
  )
  .default([]);
export type ManagedFields = z.infer<typeof ManagedFields>;

/** Metadata of kinds that others may write too. */
export const ManagedMeta = Meta.extend({ managedFields: ManagedFields });

/** A step to a field: its name, or the key by which an entry of a list is told from the others. */
export type FieldStep = string | { readonly name: string };

const stepIn = (step: FieldStep): string =>
  typeof step === "string" ? `f:${step}` : `k:${JSON.stringify(step)}`;

/** A list without its entries is owned whole: it is one that its definition does not merge by a key. */
const owns = (fields: object, [step, ...rest]: readonly FieldStep[]): boolean => {
  if (step === undefined) return true;
  if (typeof step === "object" && Object.keys(fields).length === 0) return true;
  const inner: unknown = (fields as Readonly<Record<string, unknown>>)[stepIn(step)];
  return typeof inner === "object" && inner !== null && owns(inner, rest);
};

/** The managers but ourselves that own the field, each once. */
export const otherManagersOf = (
  managed: ManagedFields,
  field: readonly FieldStep[],
): readonly string[] => {
  const owners = managed.filter(
    ({ manager, fieldsV1 }) => manager !== fieldManager && owns(fieldsV1, field),
  );
  return [...new Set(owners.map(({ manager }) => manager))];
};

/** As the API server names it in a conflict: `.spec.pools[name="a"].replicas`. */
const shown = (field: readonly FieldStep[]): string =>
  field
    .map((step) => (typeof step === "string" ? `.${step}` : `[name=${JSON.stringify(step.name)}]`))
    .join("");

/**
 * CONFLICT, with the reason that an apply would be refused with, while another manager owns the field; `what` is the field in
 * words. `harmless`: managers that write the field as their users ask, and so set nothing back.
 */
export const refuseManaged = (
  managed: ManagedFields,
  field: readonly FieldStep[],
  what: string,
  harmless: readonly string[] = [],
): void => {
  const managers = otherManagersOf(managed, field).filter((name) => !harmless.includes(name));
  if (managers.length === 0) return;
  throw new Failure(
    "CONFLICT",
    `${what} is set by another field manager, ${managers.join(", ")}, which would set it back: change it there, or have it let go of ${shown(field)} first`,
    {
      details: {
        reason: "FieldManagerConflict",
        causes: managers.map((manager) => ({ field: shown(field), manager })),
      },
    },
  );
};
