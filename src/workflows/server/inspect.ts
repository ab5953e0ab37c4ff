import { z } from "zod";
import { Health, Inventory, PowerState } from "#contract/inventory.ts";
import { ServerInspectInput } from "#contract/server-inputs.ts";
import { InventoryChange, type ServerFact } from "#contract/server.ts";
import { assessHealth } from "#domain/server/health.ts";
import { isInSelfTest } from "#domain/server/installation.ts";
import { baselineOf, inventoryChanges } from "#domain/server/inventory-diff.ts";
import { nothing, wait } from "#engine/kit.ts";
import { hostOf } from "./host.ts";
import { inspectHost } from "./inspect-host.ts";
import { bmcOf, elapsedMs, reading, workflow } from "./kit.ts";

/**
 * server.inspect: reads what the machine is made of, judges its health, and records both with the differences
 * to the last inspection.
 *
 * It changes nothing of the machine, not even its power: one that is off is inspected as far as it goes, and
 * the inventory says what could not be seen. Under Metal3 it is what Metal3's own inspection found, which restarts a host
 * that nothing is on.
 */
export const serverInspect = workflow("server.inspect", {
  version: 1,
  summary:
    "Reads a server's inventory and health from its BMC or from Metal3 and records what changed.",
  input: ServerInspectInput,
  resource: ({ input }) => ({ type: "server", id: input.serverId }),
  onFailure: "undo",
})
  .step("read-inventory", {
    expected: "45s",
    // A full crawl of a large machine has been measured to take three quarters of an hour.
    within: "60m",
    poll: { min: "5s", max: "15s" },
    output: Inventory,
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const { ports, resource } = context;
      const host = hostOf(resource);
      if (host !== null) return inspectHost(context, host);
      const bmc = bmcOf(resource);
      const { power, bootProgress } = await ports.bmc.readState(bmc, reading(context));
      const { since } = Since.safeParse(context.memo).data ?? { since: context.now() };
      const inSelfTest = power === "on" && isInSelfTest(bootProgress);
      if (inSelfTest && elapsedMs(context, since) < longestSelfTestMs)
        return wait(
          "the machine is in its power-on self-test and does not show all its parts yet",
          {
            memo: { since },
          },
        );
      const inventory = await ports.bmc.readInventory(bmc, reading(context));
      if (!inSelfTest) return inventory;
      const reason = `the machine is still in its power-on self-test (${bootProgress})`;
      return { ...inventory, notSeen: [...inventory.notSeen, { part: "everything", reason }] };
    },
  })
  .step("assess-health", {
    expected: "1s",
    output: z.object({ health: Health, reasons: z.array(z.string()) }),
    undo: nothing("judging changes nothing"),
    run: async ({ prior }) => {
      const { health, reasons } = assessHealth(prior["read-inventory"]);
      return { health, reasons: [...reasons] };
    },
  })
  .step("record", {
    expected: "1s",
    output: z.object({ changes: z.array(InventoryChange), power: PowerState }),
    undo: nothing("what was seen stays true"),
    run: async ({ prior, resource, fact }) => {
      const inventory = prior["read-inventory"];
      const { health, reasons } = prior["assess-health"];
      const baseline = baselineOf(resource.inventory, resource.unseen);
      const changes = [...inventoryChanges(baseline, inventory)];
      const { power } = inventory.system;
      fact({
        type: "server.inspected",
        data: { inventory, health, healthReasons: reasons, changes },
      });
      for (const change of changes.slice(0, maxPartFacts)) fact(partFact(change));
      if (power !== resource.power) fact({ type: "server.power_changed", data: { power } });
      return { changes, power };
    },
  })
  .result(({ prior }) => {
    const inventory = prior["read-inventory"];
    return {
      health: prior["assess-health"].health,
      healthReasons: prior["assess-health"].reasons,
      power: inventory.system.power,
      changes: prior.record.changes,
      notSeen: inventory.notSeen,
      found: {
        processors: inventory.processors.length,
        gpus: inventory.gpus.length,
        memoryModules: inventory.memory.length,
        drives: inventory.drives.length,
        networkInterfaces: inventory.networkInterfaces.length,
      },
    };
  });

const Since = z.object({ since: z.number() });

/** In declared time. Machines with terabytes of memory take long; one that takes longer is inspected as it is. */
const longestSelfTestMs = 600_000;

/** Changes that become facts of their own; the inspection's fact lists all of them. */
const maxPartFacts = 50;

function partFact(change: InventoryChange): ServerFact {
  switch (change.kind) {
    case "appeared":
      return { type: "server.part_appeared", data: change };
    case "missing":
      return { type: "server.part_missing", data: change };
    case "changed":
      return { type: "server.part_changed", data: change };
  }
}
