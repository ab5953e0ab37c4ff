import type { ClusterServer } from "#contract/cluster.ts";
import { ENGINE_ACTOR } from "#contract/events.ts";
import type { Fence } from "#contract/fence.ts";
import { Failure } from "#contract/failures.ts";
import type { ClusterId, RunId, ServerId } from "#contract/ids.ts";
import type { ServerFact } from "#contract/server.ts";
import { allocated, confirmed, released } from "#domain/server/allocation.ts";
import { serverTable } from "#domain/server/row.ts";
import type { ServerState } from "#domain/server/state.ts";
import type { Journal } from "#journal/journal.ts";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import {
  type Lacking,
  type LoadedServer,
  type Wish,
  pickServers,
  serversWhere,
} from "./pool-candidates.ts";
import { Resources, bindResource } from "./resources.ts";

/**
 * Pools give servers to clusters and take them back: the port `AllocationPort`. Candidates are found by the read model, whose
 * rows are snapshots of the streams (decision 6); whether one is to be had is decided from its state, and one commit
 * names the version of every server that it was decided from. So it is all or nothing, and no server has two owners. It carries the
 * run's fence (decision 7): a process that has lost the run and does not know it yet takes nothing and gives nothing back.
 */

interface Owner {
  readonly cluster: ClusterId;
  readonly fence: Fence;
}

/** The run in whose name facts are written, and its lease; null: nobody's run any more. */
interface Writer {
  readonly run: RunId;
  readonly fence: Fence | null;
}

const writerOf = ({ fence }: Owner): Writer => ({ run: fence.run, fence });

interface Reading {
  readonly signal: AbortSignal;
}

/** A server that a cluster has, and the run that drew it or has taken it over. */
type Held = ClusterServer & { readonly takenBy: RunId };

/** What happens to one server. */
interface Deed {
  readonly server: LoadedServer;
  readonly fact: ServerFact;
}

/** What is to be written, and what is answered once it is. */
interface Decided<Answer> {
  readonly deeds: readonly Deed[];
  readonly answer: Answer;
}

export interface AllocationOptions {
  readonly database: Database;
  readonly journal: Pick<Journal, "commit">;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly region: string;
}

/** How often it is tried anew when others were faster; then UNAVAILABLE, which the step tries again later. */
const RACES = 20;

/** A pause after a lost race, in ms, longer with every one. */
const PAUSE_MS = 4;

export function createAllocations(options: AllocationOptions) {
  const { database, journal, clock, random, region } = options;
  const resources = new Resources(database, { server: bindResource(serverTable) });
  const heldBy = (cluster: ClusterId): Promise<LoadedServer[]> =>
    serversWhere(database, "s.allocated_to = $1 order by s.id", [cluster]);

  /** All of it or nothing. False: somebody else was faster. Throws UNAVAILABLE when the run is another process's by now. */
  async function write({ run, fence }: Writer, deeds: readonly Deed[]): Promise<boolean> {
    if (deeds.length === 0) return true;
    const at = clock.now();
    const written = deeds.map(({ server, fact }) =>
      resources.write(server, [fact], { at, run, actor: ENGINE_ACTOR }),
    );
    const result = await journal.commit({
      appends: written.flatMap(({ appends }) => appends),
      rows: written.flatMap(({ rows }) => rows),
      ...(fence !== null && { fence }),
    });
    if (!result.ok && result.conflict.kind === "fence")
      throw new Failure("UNAVAILABLE", `another process has taken ${run} over`);
    return result.ok;
  }

  /** Decides and writes, anew for as long as others are faster. */
  async function settle<Answer>(
    writer: Writer,
    { signal }: Reading,
    decide: (race: number) => Promise<Decided<Answer>>,
  ): Promise<Answer> {
    for (let race = 0; race < RACES; race += 1) {
      signal.throwIfAborted();
      const { deeds, answer } = await decide(race);
      if (await write(writer, deeds)) return answer;
      await clock.sleep(random() * PAUSE_MS * (race + 1), signal);
    }
    throw new Failure("UNAVAILABLE", "the servers keep changing hands; try again", {
      retryAfterMs: 1_000,
    });
  }

  async function decideAllocation(
    { project, cluster, fence: { run } }: Owner & { readonly project: string },
    wishes: readonly Wish[],
    race: number,
  ): Promise<Decided<Held[]>> {
    const owner = { cluster, run };
    const groups = new Set(wishes.map(({ group }) => group));
    const own = (await heldBy(owner.cluster)).filter(({ state }) =>
      groups.has(state.allocation?.group ?? ""),
    );
    const lacking = wishes
      .map((wish): Lacking => {
        const has = own.filter(({ state }) => state.allocation?.group === wish.group).length;
        return { ...wish, missing: Math.max(0, wish.count - has) };
      })
      .filter(({ missing }) => missing > 0);
    const picked = await pickServers(
      database,
      { region, project },
      // Who has lost a race begins elsewhere, so that two do not go on fighting for the same.
      { lacking, startAt: race === 0 ? 0 : random() },
    );
    const drawn = picked.map(({ server, pool, group }): Deed => {
      const fact = allocated(server.state, { ...owner, pool, group });
      if (fact === null)
        throw new TypeError(`the row of ${server.id} says wrongly that it is free`);
      return { server, fact };
    });
    const takenOver = deedsOf(own, (state) => {
      const { allocation } = state;
      if (allocation === null || allocation.run === owner.run) return null;
      return allocated(state, { ...owner, pool: allocation.pool, group: allocation.group });
    });
    return {
      deeds: [...takenOver, ...drawn],
      answer: [
        ...own.flatMap((server) =>
          takenOver.some((deed) => deed.server === server)
            ? heldServer(server).map((each) => ({ ...each, takenBy: owner.run }))
            : heldServer(server),
        ),
        ...picked.map(({ server, pool, group }) => ({
          server: server.id,
          pool,
          group,
          takenBy: owner.run,
        })),
      ],
    };
  }

  return {
    /**
     * As the port says. What an earlier run of the cluster has reserved for a wished group is taken over, so that it is
     * this run's to give back.
     */
    allocate: (
      owner: Owner & { readonly project: string },
      wishes: readonly Wish[],
      reading: Reading,
    ): Promise<Held[]> =>
      settle(writerOf(owner), reading, (race) => decideAllocation(owner, wishes, race)),

    held: async (cluster: ClusterId, { signal }: Reading): Promise<Held[]> => {
      signal.throwIfAborted();
      return (await heldBy(cluster)).flatMap(heldServer);
    },

    release: (
      owner: Owner,
      { servers }: { readonly servers: readonly ServerId[] },
      reading: Reading,
    ): Promise<ServerId[]> =>
      settle(writerOf(owner), reading, async () => {
        const { cluster, fence } = owner;
        const given = new Set<ServerId>(servers);
        const deeds = deedsOf(await heldBy(cluster), (state) =>
          given.has(state.id) ? released(state, { cluster, run: fence.run }) : null,
        );
        return { deeds, answer: deeds.map(({ server }) => server.id) };
      }),

    /** All that is reserved: one run at a time works on a cluster, and a retry may go on with what the run before it drew. */
    confirm: (owner: Owner, reading: Reading): Promise<void> =>
      settle(writerOf(owner), reading, async () => ({
        deeds: deedsOf(await heldBy(owner.cluster), (state) => confirmed(state, owner.cluster)),
        answer: undefined,
      })),

    /**
     * Gives back what clusters hold that are not there any more: whoever abandons a deletion answers for the machines himself. Answers with the
     * servers. Run from time to time; repeating is safe.
     */
    async releaseStranded(reading: Reading): Promise<ServerId[]> {
      const stranded = await serversWhere(
        database,
        "s.allocated_to is not null and not exists (select from clusters c where c.id = s.allocated_to and c.state <> 'deleted')",
        [],
      );
      const owners = new Map(
        stranded.flatMap(({ state: { allocation } }) =>
          allocation === null ? [] : [[allocation.cluster, allocation.run] as const],
        ),
      );
      const given: ServerId[] = [];
      for (const [cluster, run] of owners)
        given.push(
          ...(await settle({ run, fence: null }, reading, async () => {
            const deeds = deedsOf(await heldBy(cluster), (state) =>
              released(state, { cluster, run }),
            );
            return { deeds, answer: deeds.map(({ server }) => server.id) };
          })),
        );
      return given;
    },
  };
}

const deedsOf = (
  servers: readonly LoadedServer[],
  follow: (state: ServerState) => ServerFact | null,
): Deed[] =>
  servers.flatMap((server) => {
    const fact = follow(server.state);
    return fact === null ? [] : [{ server, fact }];
  });

const heldServer = ({ id, state: { allocation } }: LoadedServer): Held[] =>
  allocation === null
    ? []
    : [{ server: id, pool: allocation.pool, group: allocation.group, takenBy: allocation.run }];
