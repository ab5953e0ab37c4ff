import { expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { OfferedVersion } from "#drivers/cluster-ports.ts";
import type { Clock } from "#platform/clock.ts";
import { watchClusterOffers } from "./cluster-offers.ts";

const place = { managementCluster: "mgmt", namespace: "default" };
const offered: OfferedVersion = {
  version: "v1.34.2",
  class: "a",
  template: null,
  upgrades: [],
  listed: true,
};

/** A clock that sleeps until it is told to go on. */
function stoppedClock() {
  const sleepers: (() => void)[] = [];
  const asked: number[] = [];
  const clock: Clock = {
    now: () => 1_000 + asked.length,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        asked.push(ms);
        sleepers.push(resolve);
        signal?.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
      }),
  };
  return {
    clock,
    asked,
    async next(): Promise<void> {
      for (const wake of sleepers.splice(0)) wake();
      await new Promise(setImmediate);
    },
  };
}

it("says what was said last, how old it is, and why it is no newer", async () => {
  let answer: () => Promise<readonly OfferedVersion[]> = async () => {
    throw new Failure("KUBERNETES_UNAVAILABLE", "no answer from mgmt");
  };
  const { clock, asked, next } = stoppedClock();
  const logged: string[] = [];
  const offers = watchClusterOffers({
    ports: {
      "cluster-api": { offered: () => answer() },
      k0rdent: {
        offered: async () => {
          throw new Failure("KUBERNETES_REJECTED", "there is no such kind");
        },
      },
    },
    places: [place],
    clock,
    log: (_level, _event, fields = {}) => logged.push(String(fields["driver"])),
  });
  const code = (driver: "cluster-api" | "k0rdent", at = "mgmt"): string => {
    try {
      offers.of(driver, at);
    } catch (error) {
      return `${(error as Failure).code} ${(error as Failure).message}`;
    }
    return "known";
  };
  expect(code("cluster-api")).toContain("UNAVAILABLE");
  expect(code("cluster-api", "elsewhere")).toContain("NOT_FOUND");
  await next();
  expect(code("cluster-api")).toContain("no answer from mgmt");

  answer = async () => [offered];
  await next();
  const known = offers.of("cluster-api", "mgmt");
  expect(known).toMatchObject({ versions: [offered], problem: null });

  answer = async () => {
    throw new Failure("KUBERNETES_UNAVAILABLE", "gone again");
  };
  await next();
  expect(offers.of("cluster-api", "mgmt")).toEqual({ ...known, problem: "gone again" });
  expect(code("k0rdent")).toContain("there is no such kind");
  // What does not answer is asked again soon; what has no such operator, not in haste. Each says so once.
  expect(new Set(asked)).toEqual(new Set([5_000, 60_000]));
  expect(logged.toSorted()).toEqual(["cluster-api", "cluster-api", "k0rdent"]);
  await offers.stop();
});
