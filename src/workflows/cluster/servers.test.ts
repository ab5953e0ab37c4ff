import { expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { ClusterId, ServerId } from "#contract/ids.ts";
import { clusterId, spec } from "#domain/cluster/testing/story.ts";
import { idBody } from "#domain/testing/story.ts";
import type { AllocatedServer } from "#drivers/cluster-ports.ts";
import type { ClusterContext } from "./kit.ts";
import { takeServers } from "./servers.ts";

const servers = [1, 2, 3].map((n): ServerId => `srv_${idBody(n)}`);
const [gone, alsoGone, alive] = [7, 8, 9].map((n): ClusterId => `cls_${idBody(n)}`) as [
  ClusterId,
  ClusterId,
  ClusterId,
];

/** Takes all servers for the cluster, on hosts that carry these marks; answers with the marks afterwards. */
async function take(
  marks: readonly (ClusterId | null)[],
  { held = [], inUse = [] }: { held?: readonly ServerId[]; inUse?: readonly ServerId[] } = {},
): Promise<readonly (ClusterId | null | undefined)[]> {
  const marked = new Map(servers.map((server, n) => [server, marks[n] ?? null]));
  const allocated = servers.map((server): AllocatedServer => ({
    server,
    pool: `pool_${idBody(1)}`,
    group: "workers",
    takenBy: `run_${idBody(1)}`,
  }));
  const context = {
    ports: {
      allocations: {
        allocate: async () => allocated,
        held: async (cluster: ClusterId) =>
          cluster === alive ? held.map((server) => ({ server })) : [],
      },
      hostPool: {
        assign: async ({ id }: { id: ClusterId }) => {
          for (const server of servers) {
            const owner = marked.get(server) ?? id;
            if (owner !== id)
              throw new Failure("CONFLICT", `marked for ${owner}`, {
                details: { reason: "marked", owner, server },
              });
            marked.set(server, id);
          }
        },
        unassign: async ({ id }: { id: ClusterId }, which: readonly ServerId[]) => {
          for (const server of which) {
            if (marked.get(server) !== id) continue;
            if (inUse.includes(server))
              throw new Failure("KUBERNETES_UNAVAILABLE", "a machine has taken it again");
            marked.set(server, null);
          }
        },
      },
    },
    resource: { id: clusterId, project: "default", spec, servers: [] },
    run: { id: `run_${idBody(1)}` },
    key: "run/allocate-resources",
    signal: new AbortController().signal,
    fact: () => undefined,
  };
  const taken = takeServers(context as unknown as ClusterContext, []);
  await taken.catch((thrown: Failure) => {
    throw Object.assign(thrown, { marks: [...marked.values()] });
  });
  return [...marked.values()];
}

const ours = [clusterId, clusterId, clusterId];

it("takes hosts over from clusters that have the servers no longer", async () => {
  expect(await take([null, null, null])).toEqual(ours);
  expect(await take([gone, clusterId, gone])).toEqual(ours);
  expect(await take([gone, alsoGone, alive])).toEqual(ours);
});

it("leaves a host to the cluster that has the server", async () => {
  await expect(take([null, alive, null], { held: [servers[1]!] })).rejects.toMatchObject({
    code: "CONFLICT",
    details: { owner: alive },
    marks: [clusterId, alive, null],
  });
});

it("leaves a host its mark while a machine uses it", async () => {
  await expect(take([gone, null, null], { inUse: [servers[0]!] })).rejects.toMatchObject({
    code: "KUBERNETES_UNAVAILABLE",
    marks: [gone, null, null],
  });
});
