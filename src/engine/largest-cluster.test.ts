import { afterAll, beforeAll, expect, it } from "vitest";
import { maxMachines, maxNodeCount } from "#contract/cluster-requests.ts";
import type { ClusterFact, ClusterServer } from "#contract/cluster.ts";
import type { ClusterId } from "#contract/ids.ts";
import { clusterTable } from "#domain/cluster/row.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { createInput } from "#domain/cluster/testing/story.ts";
import { migrate } from "#journal/migrate.ts";
import { openJournal } from "#journal/postgres-journal.ts";
import { systemClock } from "#platform/clock.ts";
import { createIds } from "#platform/ids.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { refuseTooLarge } from "./payload.ts";
import { Resources, bindResource } from "./resources.ts";

/** The door promises that no cluster is too large for the facts that tell of it. */

const ids = createIds(() => systemClock.now());
const groups = Array.from(
  { length: maxMachines / maxNodeCount },
  (_, n) => `${"long-name-".repeat(4).slice(0, 38)}-${n}`,
);
const servers = Array.from({ length: maxMachines }, (_, n): ClusterServer => {
  const group = groups[n % groups.length] ?? "";
  return { server: ids.server(), pool: ids.pool(), group };
});
const allocated: ClusterFact = { type: "cluster.servers_allocated", data: { servers } };
const released: ClusterFact = {
  type: "cluster.servers_released",
  data: { servers: servers.map(({ server }) => server) },
};

describeEachBackend("the largest cluster", (backend) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await backend.open();
    await migrate(test.database);
  });
  afterAll(() => test.drop());

  it("is written, read and emptied like any other", async () => {
    const id: ClusterId = ids.make("cls");
    const { database } = test;
    const journal = await openJournal(database);
    const resources = new Resources(database, { cluster: bindResource(clusterTable) });
    const happened = async (fact: ClusterFact): Promise<ClusterState> => {
      refuseTooLarge(fact.data, fact.type);
      const loaded = await resources.load("cluster", id, true);
      const at = systemClock.now();
      const { appends, rows } = resources.write(loaded, [fact], { at, run: null, actor: "dana" });
      expect(await journal.commit({ appends, rows })).toEqual({ ok: true });
      return (await resources.load("cluster", id, true)).state as ClusterState;
    };
    const { onFailure: _, clusterId: _id, ...requested } = createInput;
    await happened({ type: "cluster.requested", data: { ...requested, cluster: id } });
    expect((await happened(allocated)).servers).toEqual(servers);
    const [event] = await journal.read(id, 1, 1);
    expect(event?.data).toEqual(allocated.data);
    expect((await happened(released)).servers).toEqual([]);
    await journal.close();
  });
});
