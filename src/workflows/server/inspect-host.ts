import type { Inventory } from "#contract/inventory.ts";
import type { HostRef, HostState } from "#drivers/host-ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { writing } from "#workflows/kubernetes.ts";
import { lookAtHost, waitForHost } from "./host.ts";
import { type ServerContext, reading } from "./kit.ts";

/**
 * What Metal3's inspection found; else what to wait for. Metal3 inspects a host by itself when it takes it in, and that will do for
 * the first time. Later only a host on which nothing is can be inspected anew; of any other the last inspection is told again.
 */
export async function inspectHost(
  context: ServerContext,
  host: HostRef,
): Promise<Inventory | Wait> {
  const { ports, resource, run } = context;
  const isInspected = (seen: HostState): boolean =>
    !["", "registering", "inspecting", "preparing"].includes(seen.state);
  const state = await lookAtHost(context, host, isInspected);
  if (!isInspected(state)) return waitForHost("Metal3 to inspect the host", state);
  const mayAsk = state.state === "available" && resource.inspectedAt !== null;
  if (mayAsk && state.inspectionOf !== run.id) {
    await ports.hosts.inspect(host, writing(context));
    return waitForHost("Metal3 to begin the inspection", state);
  }
  if (mayAsk && state.inspectionPending)
    return waitForHost("Metal3 to begin the inspection", state);
  const inventory = await ports.hosts.readInventory(host, reading(context));
  if (inventory === null) return wait("waiting for Metal3 to tell what it found");
  return {
    ...inventory,
    system: { ...inventory.system, power: state.power },
  };
}
