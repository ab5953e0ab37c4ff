import type { RunId } from "#contract/ids.ts";
import type { ServerFact } from "#contract/server.ts";
import { withRun, withoutRun } from "#domain/at-work.ts";
import type { Happened } from "#domain/resource-model.ts";
import { isFree } from "./allocation.ts";
import { baselineOf, unseenAfter } from "./inventory-diff.ts";
import type { AtWork, ServerState, Trouble } from "./state.ts";

/** A server after a fact. Total: a fact that does not fit, or that a later version wrote, changes nothing. */
export function evolve(server: ServerState | null, fact: Happened<ServerFact>): ServerState | null {
  if (fact.type === "server.requested") return requested(server, fact);
  if (server === null) return null;
  if (fact.type === "server.registration_undone") return null;
  const after = { ...server, ...change(server, fact), updatedAt: fact.at };
  return { ...after, freeSince: isFree(after) ? (server.freeSince ?? fact.at) : null };
}

type Requested = Extract<Happened<ServerFact>, { type: "server.requested" }>;
type Other = Exclude<
  Happened<ServerFact>,
  { type: "server.requested" | "server.registration_undone" }
>;

/** A new server, or the same one asked for again by a retry: what was found out about it stays. */
function requested(server: ServerState | null, { data, at }: Requested): ServerState {
  return {
    ...(server ?? { ...unknownServer, createdAt: at }),
    id: data.server,
    region: data.region,
    project: data.project,
    displayName: data.displayName,
    tags: data.tags,
    pool: data.pool,
    provisioner: data.provisioner,
    host: data.host ?? null,
    credentials: data.credentials,
    bmc: {
      vendor: null,
      model: null,
      firmwareVersion: null,
      ...server?.bmc,
      address: data.bmcAddress,
      tls: data.tls,
    },
    updatedAt: at,
  };
}

const unknownServer = {
  identified: false,
  uuid: null,
  serial: null,
  manufacturer: null,
  model: null,
  rest: { state: "registering" },
  runs: [],
  power: "unknown",
  indicator: "unknown",
  health: "unknown",
  healthReasons: [],
  installed: null,
  reservations: [],
  erase: null,
  allocation: null,
  freeSince: null,
  problems: [],
  problemsAt: null,
  inspectedAt: null,
  inventory: null,
  unseen: {},
} as const satisfies Partial<ServerState>;

function change(server: ServerState, fact: Other): Partial<ServerState> {
  switch (fact.type) {
    case "server.run_began": {
      const { run, workflow, action, state: shows } = fact.data;
      return withRun(server, { run, workflow, action, shows });
    }
    case "server.run_ended":
      return runEnded(server, fact.data);
    case "server.identified": {
      const { fingerprint256, bmc, ...identity } = fact.data;
      const tls = { ...server.bmc.tls, fingerprint256 };
      return { ...identity, identified: true, bmc: { ...server.bmc, ...bmc, tls } };
    }
    case "server.registered":
      return { rest: { state: "registered" } };
    case "server.updated": {
      const { displayName, tags, pool } = fact.data;
      return {
        ...(displayName !== undefined && { displayName }),
        ...(tags !== undefined && { tags }),
        ...(pool !== undefined && { pool }),
      };
    }
    case "server.inspected": {
      const { inventory, health, healthReasons } = fact.data;
      return {
        ...(server.rest.state === "registered" && { rest: { state: "available" } }),
        power: inventory.system.power,
        health,
        healthReasons,
        inventory,
        inspectedAt: fact.at,
        unseen: unseenAfter(baselineOf(server.inventory, server.unseen), inventory),
      };
    }
    case "server.part_appeared":
    case "server.part_missing":
    case "server.part_changed":
    case "server.bmc_reset":
      return {};
    case "server.power_changed":
      return { power: fact.data.power };
    case "server.problems_seen":
      return { problems: fact.data.problems, problemsAt: fact.at };
    case "server.reserved": {
      const others = withoutReservation(server, fact.data.run);
      return { reservations: [...others, fact.data].slice(-maxReservations) };
    }
    case "server.reservation_released":
      return { reservations: withoutReservation(server, fact.data.run) };
    case "server.provisioned":
      return {
        rest: { state: "ready" },
        installed: { ...fact.data, run: fact.run, at: fact.at },
        // A live system runs from its media, so they are still to be ejected some day.
        reservations: fact.data.image.format === "live-iso" ? server.reservations.slice(-1) : [],
        erase: null,
      };
    case "server.deprovisioned":
      return { rest: { state: "available" }, installed: null, reservations: [] };
    case "server.maintenance_entered":
      return server.rest.state === "maintenance"
        ? {}
        : {
            rest: {
              state: "maintenance",
              reason: fact.data.reason,
              since: fact.at,
              before: server.rest,
            },
          };
    case "server.maintenance_exited":
      return server.rest.state === "maintenance" ? { rest: server.rest.before } : {};
    case "server.indicator_set":
      return { indicator: fact.data.on ? "on" : "off" };
    case "server.erased":
      return {
        erase: { state: "erased", method: fact.data.method, reason: null, at: fact.at },
        installed: null,
      };
    case "server.erase_skipped":
      return {
        erase: { state: "not erased", method: null, reason: fact.data.reason, at: fact.at },
      };
    case "server.decommissioned":
      return { rest: { state: "decommissioned" }, installed: null, reservations: [], pool: null };
    case "server.allocated": {
      const { allocation } = server;
      // A retry takes over what the run before it has drawn; the cluster has it as long as before.
      const isTakenOver = allocation?.cluster === fact.data.cluster;
      const since = isTakenOver ? allocation.since : fact.at;
      return {
        allocation: { ...fact.data, state: "reserved", since },
        // The cluster's operators switch it from now on, and say nothing of it.
        ...(!isTakenOver && { power: "unknown" }),
      };
    }
    case "server.allocation_confirmed":
      return server.allocation === null
        ? {}
        : { allocation: { ...server.allocation, state: "used" } };
    case "server.allocation_released":
      return { allocation: null, power: "unknown" };
    default:
      return unchanged(fact);
  }
}

/** Reached only by facts that a later version wrote; the type says that this version's are all handled. */
const unchanged = (_fact: never): Partial<ServerState> => ({});

/** A BMC has few slots; what could still be in one of them is among the newest. */
const maxReservations = 8;

const withoutReservation = (server: ServerState, run: RunId): ServerState["reservations"] =>
  server.reservations.filter((reservation) => reservation.run !== run);

type RunEnded = Extract<ServerFact, { type: "server.run_ended" }>["data"];

function runEnded(server: ServerState, end: RunEnded): Partial<ServerState> {
  const entry = server.runs.find(({ run }) => run === end.run);
  const after = withoutRun(server, end, troubleFrom);
  const { rest } = after;
  const isCure = end.status === "completed" && entry !== undefined && curesPower(entry);
  return isCure && rest.state === "error" && rest.trouble === "power"
    ? { ...after, rest: rest.before }
    : after;
}

export function troubleFrom({ workflow, action }: AtWork): Trouble {
  if (workflow === "server.register") return "registration";
  if (workflow === "server.decommission") return "decommission";
  return workflow === "server.provision" || action === "deprovision" ? "installation" : "power";
}

/** Runs that, when they complete, have shown that machine and BMC obey again. */
const curesPower = ({ workflow, action }: AtWork): boolean =>
  workflow === "server.inspect" ||
  (workflow === "server.lifecycle" &&
    action !== null &&
    ["power-on", "power-off", "reboot", "power-cycle", "reset-bmc"].includes(action));
