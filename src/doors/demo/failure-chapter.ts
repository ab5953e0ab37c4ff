import type { Run } from "#contract/run.ts";
import { onServersOf } from "./cluster-chapter.ts";
import { type DemoPool, showPool } from "./pool-chapter.ts";
import type { Stage } from "./stage.ts";

/** Creates that come to nothing, and leave nothing: no object, no allocation, no lock, no name. */
export async function playFailures(stage: Stage, pool: DemoPool): Promise<void> {
  stage.chapter("What fails leaves nothing");
  const { api } = stage;
  const clusters = `${stage.base}/compute/clusters`;

  const big = onServersOf(pool, { name: "big", replicas: 1, nodeCount: 3 });
  const refused = await stage.follow(
    "Create a cluster of more servers than the pool has: all of them or none",
    () => api.request("POST", clusters, big),
    { status: "failed", cleanup: "complete", code: "POOL_CAPACITY_EXCEEDED" },
  );
  const { needed, free } = (refused?.error?.details ?? {}) as { needed?: number; free?: number };
  stage.expect(
    needed === 4 && free === 2,
    `4 servers should be needed and 2 free; said was ${needed} and ${free}`,
  );
  await expectNothing(stage, { pool, run: refused, wanted: big });

  const limited = onServersOf(pool, { name: "lab-quota", replicas: 1, nodeCount: 0 });
  const cancelled = await stage.follow(
    "Create a cluster that may use no host, and cancel it half-way: what was made is taken back",
    () => api.request("POST", clusters, limited),
    { status: "cancelled", cleanup: "complete" },
    {
      when: ({ waiting }) => waiting?.reason.includes("exceeded quota") === true,
      act: async ({ id }) => {
        await showPool(stage, pool, { total: 7, free: 1, reserved: 1, used: 5 });
        stage.say("POST …/cancel");
        const { status } = await api.request("POST", `/v1/workflows/runs/${id}/cancel`, {
          reason: "no host may be used",
        });
        stage.expect(status === 202, `the cancel should be accepted; answered ${status}`);
      },
    },
  );
  await expectNothing(stage, { pool, run: cancelled, wanted: limited });
}

/** Looks with the API and at the management cluster itself, and asks whether the same would be accepted again. */
async function expectNothing(
  stage: Stage,
  {
    pool,
    run,
    wanted,
  }: {
    readonly pool: DemoPool;
    readonly run: Run | null;
    readonly wanted: { readonly name: string };
  },
): Promise<void> {
  if (run === null) return;
  const { name } = wanted;
  const clusters = `${stage.base}/compute/clusters`;
  const id = run.resourceId;
  await showPool(stage, pool, { total: 7, free: 2, reserved: 0, used: 5 });
  const objects = await stage.lab.objectsOf({ id, name });
  const { status } = await stage.api.request("GET", `${clusters}/${id}`);
  const again = await stage.api.request("POST", `${clusters}?plan=true`, wanted);
  stage.say(
    `left of ${name}: ${objects.length} objects; GET answers ${status}, a plan of the same ${again.status}`,
  );
  stage.expect(objects.length === 0, `${name} should leave no object: ${objects.join(", ")}`);
  stage.expect(status === 404, `${name} should leave no record: GET answers ${status}`);
  stage.expect(again.status === 200, `${name} should leave its name free: ${again.error?.message}`);
}
