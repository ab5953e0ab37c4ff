import { expect, it } from "vitest";
import type { Run } from "#contract/run.ts";
import type { Effect, Lab } from "#test/processes/lab.ts";
import { effectsOnce } from "./invariants.ts";

/** A checker that finds nothing may have looked at nothing: each of these it must find. */

const step = (name: string, attempts = 1) => ({ name, attempts });
const run = (id: string, type: string, steps: object[]) =>
  ({
    id,
    type,
    steps,
    status: "completed",
    resourceId: "srv_1",
    input: { bmcAddress: "https://a" },
  }) as unknown as Run;

const lab = { bmcs: [{ name: "a", address: "https://a" }] } as unknown as Lab;
const shown = {
  runs: [
    run("run_1", "server.register", []),
    run("run_2", "server.lifecycle", [step("apply"), step("await-state", 0)]),
    run("run_3", "server.provision", [step("power-cycle")]),
  ],
  servers: [],
  inventories: [],
};

let count = 0;
const effect = (action: string, key: string | null, detail: object = {}): Effect => {
  count += 1;
  return {
    id: count,
    at: `second ${count}`,
    target: "a",
    action,
    detail: { ...detail },
    ...(key !== null && { key }),
  };
};
const installed = effect("install-started", null);
const off = (reset: string) => effect("power-off", "run_2/apply", { reset });

it("lets a step ask the system and then cut the power, and an installer start once", () => {
  const effects = [off("GracefulShutdown"), off("ForceOff"), installed];
  expect(effectsOnce(effects, shown, lab)).toEqual([]);
});

it.each<[string, Effect[], RegExp]>([
  ["the same effect twice", [off("ForceOff"), off("ForceOff"), installed], /^twice: power-off/],
  [
    "one medium in two slots",
    [
      effect("media-inserted", "run_2/apply", { slot: "1", image: "x" }),
      effect("media-inserted", "run_2/apply", { slot: "2", image: "x" }),
      installed,
    ],
    /^twice: media-inserted x/,
  ],
  ["an effect of nobody", [effect("power-on", "run_9/apply"), installed], /is of no run/],
  [
    "an effect before its intent",
    [effect("power-on", "run_2/await-state"), installed],
    /before its intent/,
  ],
  ["an installation too many", [installed, installed], /installed 2 times by 1 runs/],
  ["an installation that never was", [], /installed 0 times by 1 runs, 1 of which completed/],
])("finds %s", (_name, effects, words) => {
  const problems = effectsOnce(effects, shown, lab);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(words);
});
