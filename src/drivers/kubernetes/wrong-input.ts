import { Failure } from "#contract/failures.ts";

/** A request that cannot be made an object of. The fields stand in the message too: lists of runs show only that. */
export const wrongInput = (lead: string, fields: Readonly<Record<string, string>>): Failure => {
  const words = Object.entries(fields).map(([field, why]) => `${field}: ${why}`);
  return new Failure("VALIDATION_ERROR", `${lead}: ${words.join("; ")}`, { details: { fields } });
};
