import type { ClusterDriver, KubernetesPlace } from "#contract/cluster.ts";
import { Failure, toFailure } from "#contract/failures.ts";
import type { ClusterPort, Offer } from "#drivers/cluster-ports.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

/**
 * What clusters can be asked for, as each driver last offered it at each management cluster. Requests are answered from
 * here and never wait for a management cluster: it is looked at in the background, and what it said stays until it says
 * something else.
 */
export interface ClusterOffers {
  /** UNAVAILABLE, with the reason, until it has been answered once; NOT_FOUND for a management cluster that is not configured. */
  of(driver: ClusterDriver, managementCluster: string): Offers;
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

interface Seen {
  /** Null until the first answer. */
  last: (Offer & Pick<Offers, "isServed">) | null;
  seenAt: number;
  problem: string | null;
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
  const look = async (
    driver: ClusterDriver,
    place: KubernetesPlace,
    seen: Seen,
  ): Promise<number> => {
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

  const watch = async (driver: ClusterDriver, place: KubernetesPlace): Promise<void> => {
    const seen: Seen = { last: null, seenAt: 0, problem: null };
    known.set(keyOf(driver, place.managementCluster), seen);
    while (!stopping.signal.aborted) {
      const pauseMs = await look(driver, place, seen);
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
    async stop() {
      stopping.abort();
      await Promise.all(watches);
    },
  };
}
