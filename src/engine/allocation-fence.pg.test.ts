import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { AllocationOwner, AllocationPort } from "#drivers/cluster-ports.ts";
import { migrate } from "#journal/migrate.ts";
import { postgresBackend, type TestDatabase } from "#test/backends.ts";
import { type PoolSite, newCluster, newRun, openPoolSite } from "#test/pool-site.ts";
import { type ToyEngine, openToyEngine, toyHead, toyWorkflow } from "#test/toy-engine.ts";
import { faulty } from "./testing/faulty-database.ts";

/** Two engines on one server, of which one loses a run without noticing: what it does to servers then has no effect. */
describe.skipIf(postgresBackend === null)("a run's servers (needs TEST_DATABASE_URL)", () => {
  let test: TestDatabase;
  let site: PoolSite;
  const opened: ToyEngine[] = [];
  beforeAll(async () => {
    test = await postgresBackend!.open();
    await migrate(test.database);
    site = await openPoolSite(test.database, "default");
  });
  afterAll(async () => {
    for (const toy of opened) await toy.stop();
    await site.journal.close();
    await test.drop();
  });

  const reading = { signal: AbortSignal.timeout(60_000) };
  const wish = {
    pool: "gpu-a",
    group: "workers",
    count: 3,
    provisioner: "redfish",
    place: null,
  } as const;
  type Verb = (port: AllocationPort, owner: AllocationOwner) => Promise<unknown>;
  const verbs: Readonly<Record<string, Verb>> = {
    allocate: (port, owner) => port.allocate({ ...owner, project: "default" }, [wish], reading),
    confirm: (port, owner) => port.confirm(owner, reading),
    release: async (port, owner) => {
      const held = await port.held(owner.cluster, reading);
      return port.release(owner, { servers: held.map(({ server }) => server) }, reading);
    },
  };

  it("stay as they are for a process that has lost the run and does not know it", async () => {
    await site.pool("gpu-a");
    for (let n = 0; n < 4; n += 1) await site.server({}, "gpu-a");
    const cluster = newCluster();
    await site.allocate({ cluster, run: newRun() }, { ...wish, count: 2 });
    const before = await site.held(cluster);
    expect(before).toHaveLength(2);

    const tried = Promise.withResolvers<readonly unknown[]>();
    const openEngine = async (owner: string): Promise<ToyEngine> => {
      const db = faulty(await test.another());
      let standsStill = false;
      db.onOther = (sql) => {
        if (standsStill && /set lease_until = \$3 from runs|skip locked/.test(sql))
          throw new Error("this process stands still");
      };
      const workflow = toyWorkflow("server.inspect", toyHead())
        .step("one", {
          expected: "1s",
          within: "24h",
          undo: async () => undefined,
          run: async ({ run }) => {
            if (owner === "b/0") {
              await tried.promise;
              return;
            }
            standsStill = true;
            const holder = () =>
              test.database.query("select owner from dispatch where run_id = $1", [run.id]);
            await expect.poll(holder, { timeout: 20_000 }).toEqual([{ owner: "b/0" }]);
            const answers: unknown[] = [];
            for (const [name, verb] of Object.entries(verbs))
              answers.push([
                name,
                await verb(site.port, { cluster, fence: run.fence }).catch((thrown: unknown) =>
                  thrown instanceof Failure ? thrown.code : thrown,
                ),
              ]);
            tried.resolve(answers);
          },
        })
        .result(() => null);
      const toy = await openToyEngine({
        database: db.database,
        workflows: [workflow],
        owner,
        leaseMs: 1_000,
      });
      opened.push(toy);
      return toy;
    };

    const first = await openEngine("a/0");
    const run = await first.begin("server.inspect");
    await first.until(run, ({ steps }) => steps[0]?.status === "running");
    const second = await openEngine("b/0");
    expect(await tried.promise).toEqual(Object.keys(verbs).map((name) => [name, "UNAVAILABLE"]));
    expect(await second.ended(run)).toMatchObject({ status: "completed" });
    expect(await site.held(cluster)).toEqual(before);
    expect(
      await test.database.query("select distinct allocation from servers where allocated_to = $1", [
        cluster,
      ]),
    ).toEqual([{ allocation: "reserved" }]);
  });
});
