import type { KubernetesPlace, Problem } from "#contract/cluster.ts";
import type { RunId, SecretId, ServerId } from "#contract/ids.ts";
import type { Health, Inventory, PowerState } from "#contract/inventory.ts";
import type {
  Allocation,
  Installation,
  LifecycleAction,
  ProvisionedImage,
  Server,
  ServerLifecycleState,
} from "#contract/server.ts";
import type * as work from "#domain/at-work.ts";
import type { Unseen } from "./inventory-diff.ts";

/**
 * A server folded from its facts: plain data, times in ms since 1970.
 *
 *   registering ─▶ registered ─▶ available ─▶ ready ─▶ available …  ─▶ decommissioned
 *                       any of these ⇄ maintenance, ⇄ error
 */
export interface ServerState extends work.Worked<Sound, Trouble, AtWork> {
  readonly id: ServerId;
  readonly region: string;
  readonly project: string;
  readonly displayName: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly pool: string | null;
  readonly provisioner: Server["provisioner"];
  /** Where the BareMetalHost is kept by which Metal3 manages it; null under redfish. */
  readonly host: KubernetesPlace | null;
  /** What Metal3 complained of at the last look. */
  readonly problems: readonly Problem[];
  /** When they were last told, ms since 1970; null: never. */
  readonly problemsAt: number | null;
  readonly credentials: SecretId;
  readonly bmc: Server["bmc"];
  readonly identified: boolean;
  readonly uuid: string | null;
  readonly serial: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
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
export interface AtWork extends work.AtWork<ServerLifecycleState> {
  readonly action: LifecycleAction | null;
}

/** What a broken run was about: it decides what is allowed now, and what cures it. */
export type Trouble = "registration" | "power" | "installation" | "decommission";

export type Broken = work.Broken<Sound, Trouble>;

export interface Maintained {
  readonly state: "maintenance";
  readonly reason: string | null;
  readonly since: number;
  readonly before: Rest;
}

export type Sound =
  | { readonly state: "registering" | "registered" | "available" | "ready" | "decommissioned" }
  | Maintained;

export type Rest = work.Rest<Sound, Trouble>;
