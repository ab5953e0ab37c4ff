import { Failure } from "#contract/failures.ts";
import { keyOf } from "./address.ts";
import { readMembers, readMemberPaths } from "./collection.ts";
import type { Facts } from "./facts.ts";
import { factsOf, type Reply } from "./reply.ts";
import { vendorOf } from "./vendor.ts";
import type { Conversation } from "./wire/conversation.ts";

/** The host's ComputerSystem: the one that is switched on and off. */
export interface Host {
  readonly path: string;
  readonly system: Facts;
  /** The answer that held it, for its ETag. */
  readonly reply: Reply;
}

const resetAction = "#ComputerSystem.Reset";

const notHosts = new Set(["DPU", "OS", "Virtual", "VirtuallyPartitioned"]);

const isHost = (system: Facts): boolean =>
  system.at("Actions").at(resetAction).has("target") &&
  system.has("Boot") &&
  !notHosts.has(system.text("SystemType") ?? "Physical");

/**
 * Finds the host among the service's systems. NVIDIA's GPU baseboards and DPUs are systems too, without a
 * reset or without boot settings of their own. A service with several hosts (a multi-node chassis behind one
 * manager) is refused: guessing would switch off a stranger's machine.
 */
const chooseHost = async (talk: Conversation): Promise<Host> => {
  const root = await talk.root();
  if (root.systems === null) {
    throw new Failure("BMC_UNSUPPORTED", "the BMC's Redfish service manages no system", {
      details: { reason: "no-systems" },
    });
  }
  const paths = await readMemberPaths(talk, root.systems);
  if (paths.length === 0) {
    // Empty for minutes while a BMC starts; a refusal of the collection itself is thrown by this read.
    await talk.get(root.systems);
    throw new Failure("BMC_BUSY", "the BMC lists no system yet; it may be starting", {
      details: { path: root.systems, reason: "no-system-yet" },
    });
  }
  const systems: Host[] = [];
  for (const path of paths) {
    const reply = await talk.getReply(path);
    systems.push({ path, system: factsOf(reply, talk.onOddity), reply });
  }
  const hosts = systems.filter(({ system }) => isHost(system));
  const [host] = systems.length === 1 ? systems : hosts;
  if (host === undefined || (systems.length > 1 && hosts.length > 1)) {
    throw new Failure(
      "BMC_UNSUPPORTED",
      host === undefined
        ? "none of the BMC's systems can be switched on and off"
        : "the BMC manages several machines; one address must mean one machine",
      { details: { systems: paths, reason: "which-system" } },
    );
  }
  return host;
};

/** The host, freshly read. Which one it is is remembered; a 404 makes us look again. */
export const readHost = async (talk: Conversation): Promise<Host> => {
  const { memory } = talk;
  if (memory.hostPath !== null) {
    const look = await talk.look(memory.hostPath);
    if (look.kind === "found" && look.reply !== null) {
      return { path: memory.hostPath, system: look.facts, reply: look.reply };
    }
    memory.hostPath = null;
    memory.root = null;
  }
  const host = await chooseHost(talk);
  memory.hostPath = host.path;
  return host;
};

export interface Manager {
  readonly path: string;
  readonly facts: Facts;
}

/**
 * The managers of the host, its own BMC first: by `Links.ManagedBy`, else those that say they manage it, else
 * the only one there is. Empty when none can be read.
 */
export const readManagers = async (talk: Conversation, host: Host): Promise<readonly Manager[]> => {
  const named = host.system.at("Links").links("ManagedBy");
  const managers: Manager[] = [];
  for (const path of named) {
    const look = await talk.look(path);
    if (look.kind === "found") managers.push({ path, facts: look.facts });
  }
  if (managers.length > 0) return managers;
  const root = await talk.root();
  const { members } = await readMembers(talk, root.managers, { cap: 32 });
  const all = members.flatMap(({ path, look }) =>
    look.kind === "found" ? [{ path, facts: look.facts }] : [],
  );
  const saying = all.filter(({ facts }) =>
    facts
      .at("Links")
      .links("ManagerForServers")
      .some((link) => keyOf(link) === keyOf(host.path)),
  );
  if (saying.length > 0) return saying;
  const bmcs = all.filter(({ facts }) => facts.text("ManagerType") === "BMC");
  return bmcs.length > 0 ? bmcs.slice(0, 1) : all.slice(0, 1);
};

/** The service's vendor: what the root says, else the maker of the machine, else the manager's firmware. */
export const serviceVendor = (
  rootVendor: string | null,
  system: Facts,
  manager: Facts | null,
): string | null =>
  rootVendor ??
  vendorOf([
    system.text("Manufacturer"),
    ...Object.keys(system.at("Oem").raw),
    manager?.text("Manufacturer") ?? null,
    manager?.text("Model") ?? null,
  ]);
