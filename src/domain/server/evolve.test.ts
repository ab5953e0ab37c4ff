import fc from "fast-check";
import { expect, it } from "vitest";
import type { ServerFact } from "#contract/server.ts";
import { Server } from "#contract/server.ts";
import type { Happened } from "#domain/resource-model.ts";
import { runId } from "#domain/testing/story.ts";
import { evolve } from "./evolve.ts";
import { serverTable } from "./row.ts";
import { type ServerState } from "./state.ts";
import {
  Story,
  emptyInventory,
  installation,
  inspected,
  registerInput,
  serverId,
} from "./testing/story.ts";
import { serverView } from "./view.ts";

const runs = [runId(1), runId(2), runId(3)] as const;
const error = { code: "STEP_TIMEOUT", message: "too slow", restorable: true } as const;

const anyFact: fc.Arbitrary<ServerFact> = fc.oneof(
  fc.constantFrom<ServerFact>(
    { type: "server.registered", data: {} },
    inspected(),
    { type: "server.provisioned", data: installation },
    { type: "server.deprovisioned", data: { erased: false, method: null } },
    { type: "server.maintenance_entered", data: { reason: null } },
    { type: "server.maintenance_exited", data: {} },
    { type: "server.power_changed", data: { power: "off" } },
    { type: "server.decommissioned", data: { erased: true } },
    { type: "server.erase_skipped", data: { reason: "gone" } },
    { type: "server.reserved", data: { run: runs[0], image: installation.image } },
    { type: "server.registration_undone", data: {} },
  ),
  fc.constantFrom(...runs).chain((run) =>
    fc.constantFrom<ServerFact>(
      {
        type: "server.run_began",
        data: { run, workflow: "server.provision", action: null, state: "provisioning" },
      },
      { type: "server.run_ended", data: { run, status: "completed", error: null } },
      { type: "server.run_ended", data: { run, status: "failed", error } },
      {
        type: "server.run_ended",
        data: { run, status: "failed", error: { ...error, restorable: false } },
      },
    ),
  ),
);

const fold = (facts: readonly ServerFact[]): ServerState | null => {
  const { server } = new Story().available();
  return facts.reduce<ServerState | null>(
    (state, fact, index) => evolve(state, { ...fact, at: 2_000_000_000_000 + index, run: null }),
    server,
  );
};

it("is total: whatever happens, in whatever order, there is a server that can be shown, or none", () => {
  fc.assert(
    fc.property(fc.array(anyFact, { maxLength: 30 }), (facts) => {
      const server = fold(facts);
      if (server === null) return;
      expect(Server.safeParse(serverView(server)).error).toBeUndefined();
    }),
  );
});

it("every run that began and ended leaves nothing behind in the list of runs at work", () => {
  fc.assert(
    fc.property(fc.array(anyFact, { maxLength: 30 }), (facts) => {
      const closing = runs.map((run): ServerFact => ({
        type: "server.run_ended",
        data: { run, status: "failed", error: null },
      }));
      expect(fold([...facts, ...closing])?.runs ?? []).toEqual([]);
    }),
  );
});

it("does not mind facts of a later version", () => {
  const story = new Story().available();
  const later = { type: "server.painted", data: { colour: "red" }, at: 1, run: null };
  const after = evolve(story.server, later as unknown as Happened<ServerFact>);
  expect(after).toEqual({ ...story.server, updatedAt: 1 });
});

it("survives its row: what is read back is what was folded", () => {
  const { server } = new Story().ready();
  const columns = serverTable.toColumns(server!, null);
  expect(columns).toMatchObject({ state: "ready", bmc_address: "https://10.0.0.5", pool: null });
  const stored = JSON.parse(JSON.stringify(columns)) as Record<string, unknown>;
  expect(serverTable.fromRow(stored)).toEqual(server);
});

it("leaves the inventory's column alone while the inventory has not changed", () => {
  const story = new Story().available();
  const before = story.server;
  story.happened(null, { type: "server.power_changed", data: { power: "off" } });
  expect(serverTable.toColumns(story.server!, before)).not.toHaveProperty("inventory");
  story.happened(null, inspected(structuredClone(emptyInventory)));
  expect(serverTable.toColumns(story.server!, before)).toHaveProperty("inventory");
});

it("shows no reference to a secret", () => {
  const { server } = new Story().ready();
  expect(JSON.stringify(serverView(server!))).not.toContain("sec_");
});

it("shows the server as the contract has it", () => {
  const story = new Story().ready();
  expect(serverView(story.server!)).toMatchObject({
    id: serverId,
    state: "ready",
    displayName: registerInput.displayName,
    image: installation.image,
    activeRunId: null,
    error: null,
    maintenance: null,
    links: {
      self: `/v1/regions/local/projects/default/infrastructure/servers/${serverId}`,
    },
  });
});
