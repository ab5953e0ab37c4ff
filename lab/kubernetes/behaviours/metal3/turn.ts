import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { after, left } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { BmcCredentials } from "./credentials.ts";
import type { HostFaults } from "./faults.ts";
import type { ErrorType, HostSpec, HostStatus, State } from "./host.ts";
import type { Machine } from "./machines.ts";

/** One look of the operator at one host: what it sees, and the drafts of what it will write. */
export interface Turn {
  readonly host: KubeObject;
  readonly spec: HostSpec;
  /** Written back after the turn when it differs from what was there. */
  readonly status: HostStatus;
  /** Kept with the host after the turn. */
  readonly memory: HostMemory;
  readonly cluster: ClusterClient;
  readonly machine: Machine;
  readonly credentials: BmcCredentials;
  readonly faults: HostFaults;
  /** How many hosts may be inspected, provisioned and deprovisioned at a time. */
  readonly capacity: number;
}

/** What the operator remembers of a host between two looks. */
export interface HostMemory {
  /** Work that takes its time, and when it will be over (ms since 1970). */
  work?: { readonly name: string; readonly until: number };
  /** After an error: when to try again, unless what it depends on changes before. Null: not until then. */
  retry?: { readonly at: number | null; readonly inputs: string };
  /** How much was done to the machine already: what tells an effect from the same one at another time. */
  done?: number;
  /** The power change that is under way, and when it counts as failed. */
  power?: { readonly wanted: "on" | "off"; readonly until: number };
  /** The machine of a host whose BMC address is none of the lab's. */
  invented?: InventedMemory;
}

export interface InventedMemory {
  readonly power: "on" | "off";
  /** The power it is changing to, and since when it has it. */
  readonly changing?: { readonly to: "on" | "off"; readonly at: number };
  /** The image that was written last and not erased since. */
  readonly image?: string;
}

/** What a look at the host decided. */
export type Verdict =
  | { readonly kind: "stay"; readonly againInMs: number | null }
  /** The present state is over. `succeeded`: the count of errors starts anew. */
  | { readonly kind: "go"; readonly to: State; readonly succeeded: boolean }
  | { readonly kind: "failed"; readonly type: ErrorType; readonly message: string };

export function stay(againInMs: number | null): Verdict {
  return { kind: "stay", againInMs };
}

/** Ends the state as it should end. */
export function finish(to: State): Verdict {
  return { kind: "go", to, succeeded: true };
}

/** Leaves the state for another reason. */
export function leave(to: State): Verdict {
  return { kind: "go", to, succeeded: false };
}

export function failed(type: ErrorType, message: string): Verdict {
  return { kind: "failed", type, message };
}

/** How many ms of life the work called so still takes. The first call begins it; another name begins another work. */
export function remaining(turn: Turn, name: string, lifeMs: number): number {
  const { memory, cluster } = turn;
  if (memory.work?.name !== name) memory.work = { name, until: after(cluster, lifeMs) };
  return left(cluster, memory.work.until);
}

export function isBegun(turn: Turn, name: string): boolean {
  return turn.memory.work?.name === name;
}

/** Work goes on: what was wrong before is no longer shown. The count of errors stays. */
export function clearError({ status }: Turn): void {
  status.operationalStatus = "OK";
  status.errorMessage = "";
  delete status.errorType;
}

export function tell(turn: Turn, reason: string, message: string): void {
  turn.cluster.event(turn.host, "Normal", reason, message);
}

/** Idempotency key of what is done to the machine: the same for every look at the same wish, another when the wish comes again. */
export function effectKey({ host, memory }: Turn, what: string): string {
  const { uid, generation = 1 } = host.metadata;
  return `${uid}/${generation}/${memory.done ?? 0}/${what}`;
}

/** Something that was to be done has been done, or given up. */
export function countDone(memory: HostMemory): void {
  memory.done = (memory.done ?? 0) + 1;
}
