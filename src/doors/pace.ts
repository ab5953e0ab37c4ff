import type { Config } from "#platform/config.ts";
import type { LabDescription } from "./infrastructure.ts";

/** Declared times are divided by the configured pace; with a lab, by how much faster than life it is. */
export const paceOf = (config: Config, lab: LabDescription | null): number =>
  config.MILLWRIGHT_PACE ?? lab?.speed ?? 1;
