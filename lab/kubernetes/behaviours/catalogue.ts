import type { Behaviour } from "./behaviour.ts";

/** The operators that play in the lab's cluster. */
export const behaviours: readonly Behaviour[] = [];
