import { expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { Offer } from "#drivers/cluster-ports.ts";
import type { Clock } from "#platform/clock.ts";
import { watchClusterOffers } from "./cluster-offers.ts";

const place = { managementCluster: "mgmt", namespace: "default" };
const offered: Offer = {
  versions: [{ version: "v1.34.2", class: "a", template: null, upgrades: [], listed: true }],
  classes: ["a", "b"],
  anyHost: [],
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
  let answer: () => Promise<Offer | null> = async () => {
    throw new Failure("KUBERNETES_UNAVAILABLE", "no answer from mgmt");
  };
  const { clock, asked, next } = stoppedClock();
  const logged: string[] = [];
  const offers = watchClusterOffers({
    ports: {
      "cluster-api": { offered: () => answer() },
      k0rdent: {
        offered: async () => {
          throw new Failure("KUBERNETES_REJECTED", "it is not allowed");
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

  answer = async () => offered;
  await next();
  const known = offers.of("cluster-api", "mgmt");
  expect(known).toMatchObject({ ...offered, isServed: true, isFresh: true, problem: null });

  answer = async () => {
    throw new Failure("KUBERNETES_UNAVAILABLE", "gone again");
  };
  await next();
  expect(offers.of("cluster-api", "mgmt")).toEqual({
    ...known,
    isFresh: false,
    problem: "gone again",
  });
  expect(code("k0rdent")).toContain("it is not allowed");
  // What does not answer is asked again soon; what refuses us, not in haste. Each says so once.
  expect(new Set(asked)).toEqual(new Set([5_000, 60_000]));
  expect(logged.toSorted()).toEqual(["cluster-api", "cluster-api", "k0rdent"]);
  await offers.stop();
});

it("is quiet about an operator that is not installed, and finds it when it is", async () => {
  let answer: Offer | null = null;
  const { clock, asked, next } = stoppedClock();
  const logged: string[] = [];
  const port = { offered: async () => answer };
  const offers = watchClusterOffers({
    ports: { "cluster-api": port, k0rdent: port },
    places: [place],
    clock,
    log: (_level, event) => logged.push(event),
  });
  await next();
  const none = { versions: [], classes: [], anyHost: [], isServed: false, problem: null };
  expect(offers.of("k0rdent", "mgmt")).toMatchObject(none);
  answer = offered;
  await next();
  expect(offers.of("k0rdent", "mgmt")).toMatchObject({ ...offered, isServed: true });
  expect([new Set(asked), logged]).toEqual([new Set([60_000]), []]);
  await offers.stop();
});

it("looks again when it is asked to, after the look under way and once for all who ask", async () => {
  const answers: ((offer: Offer) => void)[] = [];
  const port = { offered: () => new Promise<Offer>((resolve) => answers.push(resolve)) };
  const { clock, next } = stoppedClock();
  const silent = { offered: async () => null };
  const offers = watchClusterOffers({
    ports: { "cluster-api": port, k0rdent: silent },
    places: [place],
    clock,
    log: () => undefined,
  });
  const settle = () => new Promise(setImmediate);
  const classes = () => offers.of("cluster-api", "mgmt").classes;
  await settle();
  const asked = [offers.lookAgain("cluster-api", "mgmt"), offers.lookAgain("cluster-api", "mgmt")];
  await settle();
  // The look under way may have read before what is asked for was there.
  expect(answers).toHaveLength(1);
  answers.shift()?.(offered);
  await settle();
  expect([classes(), answers.length]).toEqual([["a", "b"], 1]);
  answers.shift()?.({ ...offered, classes: ["a", "b", "c"] });
  await Promise.all(asked);
  expect([classes(), answers.length]).toEqual([["a", "b", "c"], 0]);

  // One that does not come in time is not waited for, and still counts when it comes.
  const late = offers.lookAgain("cluster-api", "mgmt");
  await next();
  await late;
  expect(classes()).toEqual(["a", "b", "c"]);
  for (const answer of answers.splice(0)) answer({ ...offered, classes: ["d"] });
  await settle();
  expect(classes()).toEqual(["d"]);
  await offers.lookAgain("cluster-api", "elsewhere");
  for (const answer of answers.splice(0)) answer(offered);
  await settle();
  await offers.stop();
});
