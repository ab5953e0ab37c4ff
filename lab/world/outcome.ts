import type { EraseJob, Machine, Step } from "./machine.ts";

/**
 * How a command was met. `unchanged`: the world is already so. `ignored`: taken, but nothing listens (a shutdown
 * without an operating system). `refused`: impossible now; vendors differ in how they say so.
 */
export type Outcome =
  | { readonly kind: "changed"; readonly job?: EraseJob }
  | { readonly kind: "unchanged" }
  | { readonly kind: "ignored" }
  | { readonly kind: "refused"; readonly because: Refusal };

export type Refusal =
  | "power-is-off"
  | "power-is-changing"
  | "slot-in-use"
  | "slot-is-empty"
  | "drive-is-busy";

export interface Commanded extends Step {
  readonly outcome: Outcome;
}

export function changed(machine: Machine, ...changes: Step["changes"]): Commanded {
  return { machine, changes, outcome: { kind: "changed" } };
}

export function unchanged(machine: Machine): Commanded {
  return { machine, changes: [], outcome: { kind: "unchanged" } };
}

export function refused(machine: Machine, because: Refusal): Commanded {
  return { machine, changes: [], outcome: { kind: "refused", because } };
}
