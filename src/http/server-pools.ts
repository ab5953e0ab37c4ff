import type { ApiDependencies } from "./dependencies.ts";
import type { Place } from "./place.ts";
import { noFields, refusal } from "./refusal.ts";

/** Throws VALIDATION_ERROR naming every field that names a pool which is not there. */
export async function refuseUnknownPools(
  { pools }: Pick<ApiDependencies, "pools">,
  place: Place,
  /** The name that stands in each field, by the field's path. */
  named: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const names = [...new Set(Object.values(named).filter((name) => name !== undefined))];
  const found = await Promise.all(names.map((name) => pools.named(name, place)));
  const unknown = names.filter((_, index) => found[index] === null);
  const fields = noFields();
  for (const [field, name] of Object.entries(named))
    if (name !== undefined && unknown.includes(name))
      fields[field] = `names no pool: there is no pool ${name}`;
  if (Object.keys(fields).length > 0) throw refusal(fields);
}
