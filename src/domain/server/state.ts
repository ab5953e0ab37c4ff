import type { FailureCode } from "#contract/failures.ts";
import type { RunId, SecretId, ServerId } from "#contract/ids.ts";
import type { Health, Inventory, PowerState } from "#contract/inventory.ts";
import type { WorkflowType } from "#contract/run.ts";
import type {
  Allocation,
  Installation,
  LifecycleAction,
  ProvisionedImage,
  Server,
  ServerLifecycleState,
} from "#contract/server.ts";
import type { Unseen } from "./inventory-diff.ts";

/**
 * A server folded from its facts: plain data, times in ms since 1970.
 *
 * Two things make up what the outside sees as `state`. `rest` is what the server is when nobody works on it;
 * only facts move it. `runs` are the runs at work, the outermost first, each with what the server shows
 * meanwhile. So a run that ends without effect needs nothing restored: it is taken off, and what was before
 * shows again.
 *
 *   registering ─▶ registered ─▶ available ─▶ ready ─▶ available …  ─▶ decommissioned
 *                       any of these ⇄ maintenance, ⇄ error
 */
export interface ServerState {
  readonly id: ServerId;
  readonly region: string;
  readonly project: string;
  readonly displayName: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly pool: string | null;
  readonly provisioner: Server["provisioner"];
  readonly credentials: SecretId;
  readonly bmc: Server["bmc"];
  readonly identified: boolean;
  readonly uuid: string | null;
  readonly serial: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly rest: Rest;
  readonly runs: readonly AtWork[];
  readonly power: PowerState;
  readonly indicator: "on" | "off" | "unknown";
  readonly health: Health;
  readonly healthReasons: readonly string[];
  /** What it was installed with, by which run. */
  readonly installed: (Installation & { readonly run: RunId | null; readonly at: number }) | null;
  /** The provision runs that may have left media in its BMC, until it is known that they are out; oldest first. */
  readonly reservations: readonly Reservation[];
  readonly erase: {
    readonly state: "erased" | "not erased";
    readonly method: string | null;
    readonly reason: string | null;
    readonly at: number;
  } | null;
  /** The cluster that has it. */
  readonly allocation: Allocated | null;
  /** Since when it is ready to be drawn from a pool (`isFree`), null while it is not. */
  readonly freeSince: number | null;
  readonly inspectedAt: number | null;
  /** As the last inspection read it. */
  readonly inventory: Inventory | null;
  /** Parts that were there before and that the last inspection could not see. */
  readonly unseen: Unseen;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type Allocated = Omit<Allocation, "since"> & { readonly since: number };

export interface Reservation {
  readonly run: RunId;
  readonly image: ProvisionedImage;
}

/** A run that works on the server. */
export interface AtWork {
  readonly run: RunId;
  readonly workflow: WorkflowType;
  readonly action: LifecycleAction | null;
  readonly shows: ServerLifecycleState | null;
}

/** What a broken run was about: it decides what is allowed now, and what cures it. */
export type Trouble = "registration" | "power" | "installation" | "decommission";

export interface Broken {
  readonly state: "error";
  readonly trouble: Trouble;
  readonly code: FailureCode;
  readonly message: string;
  readonly run: RunId;
  /** A later undo of that run brings back what was before. */
  readonly restorable: boolean;
  /** That run has kept the lock; nobody but its undo or its retry may change the server. */
  readonly held?: true | undefined;
  readonly before: Rest;
}

export interface Maintained {
  readonly state: "maintenance";
  readonly reason: string | null;
  readonly since: number;
  readonly before: Rest;
}

export type Rest =
  | { readonly state: "registering" | "registered" | "available" | "ready" | "decommissioned" }
  | Maintained
  | Broken;

/** What the outside sees: the innermost run that shows something, or the state at rest. */
export const shownState = (server: Pick<ServerState, "rest" | "runs">): ServerLifecycleState =>
  server.runs.findLast((entry) => entry.shows !== null)?.shows ?? server.rest.state;

/** The run that ended and was held, and still has the server's lock. */
export const heldBy = ({ rest }: Pick<ServerState, "rest">): RunId | null =>
  rest.state === "error" && rest.held === true ? rest.run : null;

/** The run at work on the server: the outermost one; the others are its children. */
export const holder = (server: Pick<ServerState, "runs">): RunId | null =>
  server.runs[0]?.run ?? null;
