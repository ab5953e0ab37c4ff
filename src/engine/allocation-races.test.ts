import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ClusterServer } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { verifyAudit } from "#journal/audit.ts";
import { migrate } from "#journal/migrate.ts";
import type { Database } from "#platform/database.ts";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import { type Owner, type PoolSite, newCluster, newRun, openPoolSite } from "#test/pool-site.ts";
import { type Disturbance, faulty } from "./testing/faulty-database.ts";

/**
 * Several clusters draw from overlapping pools at once, through several connections, and connections break before and after
 * commits. Whatever happens: no server has two owners, a wish is met in full or not at all, a repeat takes no
 * more, and what is given back is free.
 */

/** By list: 0 to 3. By tags: 2 to 6 have zone a, 5 to 7 a GPU. */
const machines = [
  { tags: {}, pool: "listed" },
  { tags: {}, pool: "listed" },
  { tags: { zone: "a" }, pool: "listed" },
  { tags: { zone: "a", rack: "1" }, pool: "listed" },
  { tags: { zone: "a" }, pool: null },
  { tags: { zone: "a", gpu: "yes" }, pool: null },
  { tags: { zone: "a", gpu: "yes" }, pool: null },
  { tags: { gpu: "yes" }, pool: null },
];
const poolNames = ["listed", "zone-a", "gpus"] as const;

const pool = fc.constantFrom(...poolNames);
const wishes = fc.uniqueArray(
  fc.record({
    pool,
    group: fc.constantFrom("control-plane", "workers", "more"),
    count: fc.nat({ max: 3 }),
  }),
  { selector: ({ group }) => group, minLength: 1, maxLength: 3 },
);
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ verb: fc.constant("allocate" as const), wishes }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant("confirm" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant("release" as const),
      which: fc.constantFrom("all", "taken", "one"),
    }),
  },
);
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never;
const scripts = fc.array(fc.array(act, { minLength: 1, maxLength: 5 }), {
  minLength: 3,
  maxLength: 5,
});

const sortedIds = (servers: readonly ClusterServer[]): string[] =>
  servers.map(({ server }) => server).toSorted();

describeEachBackend("clusters that draw at once", (backend) => {
  let test: TestDatabase;
  let others: Database[];
  beforeAll(async () => {
    test = await backend.open();
    await migrate(test.database);
    others = [test.database, await test.another()];
  });
  afterAll(() => test.drop());
  let projects = 0;

  /** Sites on one project, each through a connection of its own that breaks as `disturb` says. */
  async function openSites(disturb: () => Disturbance): Promise<PoolSite[]> {
    projects += 1;
    const sites = await Promise.all(
      others.map((database) => {
        const broken = faulty(database);
        broken.onCommit = disturb;
        return openPoolSite(broken.database, `races-${projects}`);
      }),
    );
    return sites;
  }

  async function furnish({ place }: PoolSite): Promise<PoolSite> {
    const site = await openPoolSite(test.database, place.project);
    await site.pool("listed");
    await site.pool("zone-a", { tags: { zone: "a" } });
    await site.pool("gpus", { tags: { gpu: "yes" } });
    for (const { tags, pool: list } of machines) await site.server(tags, list);
    return site;
  }

  /** As the engine does with a step whose connection broke: the same once more, under the same run. */
  async function untilAnswered<Value>(work: () => Promise<Value>): Promise<Value> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (thrown) {
        if ((thrown instanceof Failure && thrown.code !== "UNAVAILABLE") || attempt > 200)
          throw thrown;
      }
    }
  }

  async function perform(site: PoolSite, owner: Owner, step: Act): Promise<"done" | "refused"> {
    const before = await site.held(owner.cluster);
    if (step.verb === "confirm") {
      await untilAnswered(() => site.confirm(owner));
      expect(await site.held(owner.cluster)).toEqual(before);
      return "done";
    }
    if (step.verb === "release") {
      const [one] = before;
      const which =
        step.which === "all"
          ? ("all" as const)
          : step.which === "taken"
            ? { takenBy: owner.run }
            : { servers: one === undefined ? [] : [one.server] };
      await untilAnswered(() => site.release(owner, which));
      const after = await site.held(owner.cluster);
      if (step.which === "all") expect(after).toEqual([]);
      if (step.which === "one")
        expect(sortedIds(after)).toEqual(sortedIds(before.filter((each) => each !== one)));
      return "done";
    }
    try {
      const answer = await untilAnswered(() => site.allocate(owner, ...step.wishes));
      const after = await site.held(owner.cluster);
      const sizeOf = (of: readonly ClusterServer[], group: string): number =>
        of.filter((each) => each.group === group).length;
      for (const { group, count } of step.wishes) {
        expect(sizeOf(after, group)).toBe(Math.max(count, sizeOf(before, group)));
        expect(sizeOf(answer, group)).toBe(sizeOf(after, group));
      }
      const asked = new Set<string>(step.wishes.map(({ group }) => group));
      expect(sortedIds(answer)).toEqual(sortedIds(after.filter(({ group }) => asked.has(group))));
      expect(sortedIds(before).every((id) => sortedIds(after).includes(id))).toBe(true);
      return "done";
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      expect(thrown.code).toBe("POOL_CAPACITY_EXCEEDED");
      expect(await site.held(owner.cluster)).toEqual(before);
      return "refused";
    }
  }

  /** Read from the streams: whoever drew a server, it was nobody else's at that place of its story. */
  async function checkStories(project: string): Promise<void> {
    const facts = await test.database.query<{
      stream: string;
      type: string;
      data: { cluster: string };
    }>(
      `select e.stream, e.type, e.data from events e join servers s on s.id = e.stream
        where s.project = $1 and e.type like 'server.alloc%' order by e.stream, e.version`,
      [project],
    );
    const owners = new Map<string, string>();
    for (const { stream, type, data } of facts) {
      if (type === "server.allocated") {
        expect([undefined, data.cluster]).toContain(owners.get(stream));
        owners.set(stream, data.cluster);
      } else {
        expect(owners.get(stream)).toBe(data.cluster);
        if (type === "server.allocation_released") owners.delete(stream);
      }
    }
  }

  async function checkCounts(site: PoolSite, owners: readonly Owner[]): Promise<void> {
    const held = (await Promise.all(owners.map(({ cluster }) => site.held(cluster)))).flat();
    expect(new Set(sortedIds(held)).size).toBe(held.length);
    for (const name of poolNames) {
      const row = await site.pools.named(name, site.place);
      if (row === null) throw new Error(`pool ${name} is gone`);
      const counts = await site.pools.counts({ pool: row }, site.place);
      expect(counts.free + counts.reserved + counts.used).toBe(counts.total);
      expect(held.filter((each) => each.pool === row.id).length).toBeLessThanOrEqual(counts.total);
    }
  }

  it("all get their part when there is enough for all, however they fight for it", async () => {
    const sites = await openSites(() => "none");
    const [site] = sites;
    const clusters = 8;
    await site!.pool("crowded");
    for (let n = 0; n < 2 * clusters; n += 1) await site!.server({}, "crowded");
    const drawn = await Promise.all(
      Array.from({ length: clusters }, (_, index) =>
        untilAnswered(() =>
          sites[index % sites.length]!.allocate(
            { cluster: newCluster(), run: newRun() },
            { pool: "crowded", group: "workers", count: 2 },
          ),
        ),
      ),
    );
    expect(new Set(sortedIds(drawn.flat())).size).toBe(2 * clusters);
    for (const each of sites) await each.journal.close();
  });

  it.each([
    { name: "on sound connections", broken: [] as const },
    { name: "on connections that break", broken: ["answer lost", "request lost"] as const },
  ])("never share a server, never get a part, never leak one: $name", async ({ broken }) => {
    let done = 0;
    let refused = 0;
    let lost = 0;
    await fc.assert(
      fc.asyncProperty(scripts, fc.infiniteStream(fc.nat({ max: 5 })), async (plan, dice) => {
        const disturb = (): Disturbance => {
          const what: Disturbance = broken[Number(dice.next().value)] ?? "none";
          if (what !== "none") lost += 1;
          return what;
        };
        const sites = await openSites(disturb);
        const sound = await furnish(sites[0]!);
        const owners = plan.map((): Owner => ({ cluster: newCluster(), run: newRun() }));
        await Promise.all(
          plan.map(async (steps, index) => {
            for (const step of steps) {
              const how = await perform(sites[index % sites.length]!, owners[index]!, step);
              if (how === "done") done += 1;
              else refused += 1;
            }
          }),
        );
        await checkStories(sound.place.project);
        await checkCounts(sound, owners);
        for (const owner of owners) await sound.release(owner, "all");
        for (const [name, total] of [
          ["listed", 4],
          ["zone-a", 5],
          ["gpus", 3],
        ] as const) {
          const row = await sound.pools.named(name, sound.place);
          expect(await sound.pools.counts({ pool: row! }, sound.place)).toEqual({
            total,
            free: total,
            drawable: 0,
            reserved: 0,
            used: 0,
          });
        }
        for (const site of [...sites, sound]) await site.journal.close();
      }),
      { numRuns: 15 },
    );
    expect((await verifyAudit(test.database)).problems).toEqual([]);
    expect(done).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
    expect(lost > 0).toBe(broken.length > 0);
  });
});
