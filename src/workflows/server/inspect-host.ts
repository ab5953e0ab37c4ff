import { z } from "zod";
import type { Inventory } from "#contract/inventory.ts";
import type { HostRef } from "#drivers/host-ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { lookAtHost, waitForHost, writingHost } from "./host.ts";
import { type ServerContext, reading } from "./kit.ts";

/** What an asked inspection remembers: the end of the one before, so that the new one's is told from it. */
const Asked = z.object({ before: z.string().nullable() });

/**
 * What Metal3's inspection found; else what to wait for. Metal3 inspects a host by itself when it takes it in, and that will do for
 * the first time. Later only a host on which nothing is can be inspected anew; of any other the last inspection is told again.
 */
export async function inspectHost(
  context: ServerContext,
  host: HostRef,
): Promise<Inventory | Wait> {
  const { ports, resource } = context;
  const state = await lookAtHost(context, host);
  const asked = Asked.safeParse(context.memo).data ?? null;
  const isInspecting =
    state.state === "" || state.state === "registering" || state.state === "inspecting";
  if (isInspecting || state.state === "preparing")
    return remembering(waitForHost("Metal3 to inspect the host", state), asked);
  const mayAsk = state.state === "available" && resource.inspectedAt !== null;
  if (asked === null && mayAsk) {
    await ports.hosts.inspect(host, writingHost(context));
    return remembering(waitForHost("Metal3 to begin the inspection", state), {
      before: state.inspectedAt,
    });
  }
  if (asked !== null && (state.inspectionPending || state.inspectedAt === asked.before))
    return remembering(waitForHost("Metal3 to inspect the host", state), asked);
  const inventory = await ports.hosts.readInventory(host, reading(context));
  if (inventory === null)
    return remembering(wait("waiting for Metal3 to tell what it found"), asked);
  return {
    ...inventory,
    system: { ...inventory.system, power: state.power },
  };
}

const remembering = (waiting: Wait, asked: z.infer<typeof Asked> | null): Wait =>
  asked === null ? waiting : { ...waiting, memo: asked };
