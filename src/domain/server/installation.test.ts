import { describe, expect, it } from "vitest";
import type { Completion } from "#contract/server.ts";
import { type InstallLook, follow, judge, watchBegun } from "./installation.ts";

const at = (seconds: number): string =>
  new Date(Date.parse("2026-03-02T08:00:00Z") + seconds * 1_000).toISOString();

const before = at(-86_400);

/** A look so many seconds after the power-on; by default the machine reports nothing of itself. */
type Seen = Partial<InstallLook> & { readonly s: number; readonly reported?: boolean };

function watched(
  looks: readonly Seen[],
  how: { readonly completion: Completion; readonly live?: boolean; readonly pace?: number },
): readonly string[] {
  let watch = watchBegun;
  return looks.map(({ s, reported = false, ...seen }) => {
    const look: InstallLook = {
      power: "on",
      changing: false,
      bootProgress: null,
      lastResetAt: null,
      overrideWaiting: null,
      ...seen,
    };
    const pace = how.pace ?? 1;
    watch = follow(watch, look, { elapsedMs: s * 1_000, resetBefore: before, pace });
    return (
      judge(watch, look, { completion: how.completion, live: how.live ?? false, reported })
        .evidence ?? watch.stage
    );
  });
}

describe("the end of an installation, by boot progress", () => {
  const post = "MemoryInitializationStarted";
  const cases: readonly (readonly [string, readonly Seen[], readonly string[]])[] = [
    [
      "self-test, installer, self-test, system",
      [
        { s: 10, bootProgress: post, overrideWaiting: true },
        { s: 60, bootProgress: "OSBootStarted", overrideWaiting: false },
        { s: 300, bootProgress: "OSBootStarted", overrideWaiting: false },
        { s: 420, bootProgress: post, overrideWaiting: false },
        { s: 450, bootProgress: "OSBootStarted", overrideWaiting: false },
        { s: 480, bootProgress: "OSRunning", overrideWaiting: false },
      ],
      ["starting", "running", "running", "restarted", "restarted", "boot-progress"],
    ],
    [
      "an installer of which the BMC says OSRunning is not the system",
      [
        { s: 10, bootProgress: post, overrideWaiting: true },
        { s: 60, bootProgress: "OSRunning", overrideWaiting: false },
        { s: 600, bootProgress: "OSRunning", overrideWaiting: false },
      ],
      ["starting", "running", "running"],
    ],
    [
      "what the BMC still shows of the system before does not count",
      [
        { s: 1, bootProgress: "OSRunning", overrideWaiting: true },
        { s: 5, bootProgress: "OSRunning", overrideWaiting: false },
        { s: 10, bootProgress: post, overrideWaiting: false },
        { s: 60, bootProgress: "OSRunning", overrideWaiting: false },
      ],
      ["starting", "starting", "starting", "running"],
    ],
    [
      "a second self-test between two looks is told by the time of the reset",
      [
        { s: 1, lastResetAt: before, bootProgress: "None" },
        { s: 10, lastResetAt: at(5), bootProgress: post },
        { s: 60, lastResetAt: at(5), bootProgress: "OSBootStarted", overrideWaiting: false },
        { s: 600, lastResetAt: at(420), bootProgress: "OSRunning", overrideWaiting: false },
      ],
      ["starting", "starting", "running", "boot-progress"],
    ],
    [
      "so it is when nobody looked in between at all",
      [
        { s: 1, lastResetAt: at(0), bootProgress: "None" },
        { s: 900, lastResetAt: at(420), bootProgress: "OSRunning", overrideWaiting: false },
      ],
      ["starting", "boot-progress"],
    ],
    [
      "a reset time that the BMC corrects within one boot is not a second boot",
      [
        { s: 1, lastResetAt: at(0), bootProgress: "None" },
        { s: 15, lastResetAt: at(10), bootProgress: post },
        { s: 90, lastResetAt: at(10), bootProgress: "OSRunning", overrideWaiting: false },
      ],
      ["starting", "starting", "running"],
    ],
    [
      "the medium started a second time is not the system",
      [
        { s: 10, bootProgress: post },
        { s: 60, bootProgress: "OSBootStarted" },
        { s: 420, bootProgress: post },
        { s: 480, bootProgress: "OSBootStarted" },
        { s: 900, bootProgress: "OSBootStarted" },
      ],
      ["starting", "running", "restarted", "restarted", "restarted"],
    ],
    [
      "an installer that switches off instead",
      [
        { s: 10, bootProgress: post },
        { s: 60, bootProgress: "OSBootStarted" },
        { s: 420, bootProgress: "OSBootStarted", changing: true },
        { s: 430, bootProgress: "None", power: "off" },
      ],
      ["starting", "running", "running", "power-off"],
    ],
    [
      "a machine that is off before the installer ran has not installed anything",
      [{ s: 10, power: "off", bootProgress: "None" }],
      ["starting"],
    ],
    [
      "an installer that calls back, of which nobody saw the boots",
      [
        { s: 1, bootProgress: "None" },
        { s: 9, bootProgress: "OSBootStarted", overrideWaiting: false, reported: true },
        { s: 10, bootProgress: "OSRunning", overrideWaiting: false, reported: true },
      ],
      ["starting", "starting", "callback"],
    ],
    [
      "an installer that calls back and switches off, of which nobody saw the boots",
      [
        { s: 1, bootProgress: "None" },
        { s: 10, power: "on", changing: true, reported: true },
        { s: 11, power: "off", bootProgress: "None", reported: true },
      ],
      ["starting", "starting", "callback"],
    ],
    [
      "a machine that turns out to tell nothing of its boots, once its installer has called back",
      [
        { s: 1, power: "off" },
        { s: 10, power: "on" },
        { s: 400, power: "on", reported: true },
      ],
      ["starting", "starting", "callback"],
    ],
  ];

  it.each(cases)("%s", (_name, looks, expected) => {
    expect(watched(looks, { completion: "boot-progress" })).toEqual(expected);
  });

  it("holds at a lab's pace, where times still have whole seconds", () => {
    const looks: readonly Seen[] = [
      { s: 0, lastResetAt: at(0), bootProgress: "None" },
      { s: 30, lastResetAt: at(1), bootProgress: post },
      { s: 90, lastResetAt: at(1), bootProgress: "OSBootStarted" },
      { s: 500, lastResetAt: at(7), bootProgress: "OSRunning" },
    ];
    expect(watched(looks, { completion: "boot-progress", pace: 60 })).toEqual([
      "starting",
      "starting",
      "running",
      "boot-progress",
    ]);
  });
});

it("by power-off ends only when the machine is off, and stays so", () => {
  const looks: readonly Seen[] = [
    { s: 10, bootProgress: "OSRunning" },
    { s: 400, power: "on", changing: true },
    { s: 410, power: "off" },
  ];
  expect(watched(looks, { completion: "power-off" })).toEqual([
    "starting",
    "starting",
    "power-off",
  ]);
});

it("by callback is ended by the call-back at once, and by nothing that can be seen", () => {
  const looks: readonly Seen[] = [
    { s: 10, bootProgress: "MemoryInitializationStarted" },
    { s: 60, bootProgress: "OSRunning" },
    { s: 400, bootProgress: "MemoryInitializationStarted" },
    { s: 500, bootProgress: "OSRunning" },
    { s: 600, power: "off" },
  ];
  expect(watched(looks, { completion: "callback" })).not.toContain("power-off");
  expect(watched(looks, { completion: "callback" })).not.toContain("boot-progress");
  const reported = looks.map((look) => ({ ...look, reported: true }));
  expect(watched(reported, { completion: "callback" })[0]).toBe("callback");
});

it("of a live system is its first start", () => {
  const looks: readonly Seen[] = [
    { s: 1, bootProgress: "OSRunning", overrideWaiting: true },
    { s: 10, bootProgress: "MemoryInitializationStarted", overrideWaiting: true },
    { s: 60, bootProgress: "OSBootStarted", overrideWaiting: false },
    { s: 90, bootProgress: "OSRunning", overrideWaiting: false },
  ];
  expect(watched(looks, { completion: "boot-progress", live: true })).toEqual([
    "starting",
    "starting",
    "running",
    "boot-progress",
  ]);
});
