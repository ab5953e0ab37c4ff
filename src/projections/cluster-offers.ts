import type { ClusterDriver, KubernetesPlace } from "#contract/cluster.ts";
import { Failure, toFailure } from "#contract/failures.ts";
import type { ClusterPort, Offer } from "#drivers/cluster-ports.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

/**
 * What clusters can be asked for, as each driver last offered it at each management cluster. Requests are answered from
 * here: it is looked at in the background, and what it said stays until it says something else. Only one that would be refused by it
 * waits for another look, and no longer than a moment.
 */
export interface ClusterOffers {
  /** UNAVAILABLE, with the reason, until it has been answered once; NOT_FOUND for a management cluster that is not configured. */
  of(driver: ClusterDriver, managementCluster: string): Offers;
  /**
   * Has the management cluster looked at now, once for all who ask before that look begins. Resolves when it has brought something, or
   * nothing, or after a moment: a look that takes longer goes on, and counts when it ends.
   */
  lookAgain(driver: ClusterDriver, managementCluster: string): Promise<void>;
}

export interface Offers extends Offer {
  /** False: the management cluster serves none of the driver's kinds, so it offers nothing. */
  readonly isServed: boolean;
  /** When that was said, ms since 1970. */
  readonly seenAt: number;
  /** Why the last look since then brought nothing; null: it did. */
  readonly problem: string | null;
  /** The newest look brought it, and was due no longer ago than a look may take: what is not in it can be refused at once. */
  readonly isFresh: boolean;
}

export interface OffersOptions {
  readonly ports: Readonly<Record<ClusterDriver, Pick<ClusterPort, "offered">>>;
  readonly places: readonly KubernetesPlace[];
  readonly clock: Clock;
  readonly log: Log;
}

const everyMs = 60_000;
const againMs = 5_000;
const lookMs = 60_000;
/** A request is answered in under a second, whatever the infrastructure does. */
const momentMs = 800;

interface Seen {
  readonly driver: ClusterDriver;
  readonly place: KubernetesPlace;
  /** Null until the first answer. */
  last: (Offer & Pick<Offers, "isServed">) | null;
  seenAt: number;
  problem: string | null;
  /** Looks are taken one after the other, so that an older one never overwrites what a newer one brought. */
  lastLook: Promise<unknown>;
  /** One that was asked for and has not begun; null without one. */
  nextLook: Promise<unknown> | null;
}

const notServed = { versions: [], classes: [], anyHost: [], isServed: false };

/** A management cluster that does not answer may do so soon; one that refuses us keeps doing so. */
const isWorthHaste = ({ code }: Failure): boolean =>
  code === "KUBERNETES_UNAVAILABLE" || code === "UNAVAILABLE";

/** Looks at every place by every driver, from now until it is stopped. */
export function watchClusterOffers({
  ports,
  places,
  clock,
  log,
}: OffersOptions): ClusterOffers & { stop(): Promise<void> } {
  const stopping = new AbortController();
  const known = new Map<string, Seen>();
  const keyOf = (driver: string, managementCluster: string): string =>
    `${driver} ${managementCluster}`;

  /** How long to leave it alone then, in ms. */
  const look = async (seen: Seen): Promise<number> => {
    if (stopping.signal.aborted) return everyMs;
    const { driver, place } = seen;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(lookMs)]);
    try {
      const offer = await ports[driver].offered(place, { signal });
      seen.last = offer === null ? notServed : { ...offer, isServed: true };
      seen.seenAt = clock.now();
      seen.problem = null;
      return everyMs;
    } catch (thrown) {
      if (stopping.signal.aborted) return everyMs;
      const failure = toFailure(thrown);
      const isNews = seen.problem !== failure.message;
      seen.problem = failure.message;
      if (isNews)
        log("warn", "what clusters can be asked for is not known", {
          driver,
          managementCluster: place.managementCluster,
          error: failure,
        });
      return isWorthHaste(failure) ? againMs : everyMs;
    }
  };

  const lookInTurn = (seen: Seen, begun: () => void = () => undefined): Promise<number> => {
    const own = seen.lastLook.then(() => {
      begun();
      return look(seen);
    });
    seen.lastLook = own;
    return own;
  };

  const watch = async (driver: ClusterDriver, place: KubernetesPlace): Promise<void> => {
    const seen: Seen = {
      driver,
      place,
      last: null,
      seenAt: 0,
      problem: null,
      lastLook: Promise.resolve(),
      nextLook: null,
    };
    known.set(keyOf(driver, place.managementCluster), seen);
    while (!stopping.signal.aborted) {
      const pauseMs = await lookInTurn(seen);
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
    }
  };
  const drivers: readonly ClusterDriver[] = ["cluster-api", "k0rdent"];
  const watches = places.flatMap((place) => drivers.map((driver) => watch(driver, place)));

  return {
    of(driver, managementCluster) {
      const seen = known.get(keyOf(driver, managementCluster));
      if (seen === undefined)
        throw new Failure(
          "NOT_FOUND",
          `there is no management cluster ${managementCluster}; configured are ${places.map((place) => place.managementCluster).join(", ")}`,
        );
      const { last, seenAt, problem } = seen;
      if (last === null)
        throw new Failure(
          "UNAVAILABLE",
          `what ${driver} offers at ${managementCluster} is not known yet${problem === null ? "" : `: ${problem}`}`,
          { retryAfterMs: againMs },
        );
      const isFresh = problem === null && clock.now() - seenAt <= everyMs + lookMs;
      return { ...last, seenAt, problem, isFresh };
    },
    async lookAgain(driver, managementCluster) {
      const seen = known.get(keyOf(driver, managementCluster));
      if (seen === undefined) return;
      // One that is under way may have read before that was there for which it is asked.
      seen.nextLook ??= lookInTurn(seen, () => {
        seen.nextLook = null;
      });
      const waiting = new AbortController();
      const moment = clock.sleep(momentMs, waiting.signal).catch(() => undefined);
      await Promise.race([seen.nextLook, moment]);
      waiting.abort();
    },
    async stop() {
      stopping.abort();
      await Promise.all(watches);
      await Promise.all([...known.values()].map(({ lastLook }) => lastLook));
    },
  };
}
