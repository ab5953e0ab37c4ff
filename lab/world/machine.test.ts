import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idrac9 } from "#lab/profiles/idrac9.ts";
import { newborn } from "#lab/profiles/newborn.ts";
import { advance, nextDueAt } from "./advance.ts";
import { execute } from "./command.ts";
import type { Command } from "./command.ts";
import { bootProgress, powerState } from "./machine.ts";
import type { Change, Machine, Rules, Step } from "./machine.ts";
import type { Outcome } from "./outcome.ts";
import { mediaRead } from "./phases.ts";
import type { MediaFinding } from "./phases.ts";
import { resetTypes } from "./reset.ts";
import { timingAt } from "./timing.ts";
import { traitsOf } from "./traits.ts";

const timing = timingAt(1);

/** A machine with a clock that only the test moves. */
class Bench {
  machine: Machine;
  now = 0;
  readonly changes: Change[] = [];
  readonly rules: Rules;

  constructor(name = "bench") {
    this.machine = newborn(name, idrac9, 0);
    this.rules = { timing, traits: traitsOf(name), mediaTargets: ["Cd"] };
  }

  get actions(): readonly string[] {
    return this.changes.map(({ action }) => action);
  }

  wait(ms: number): void {
    this.now += ms;
    this.#take(advance(this.machine, this.now, this.rules));
  }

  do(command: Command): Outcome {
    const done = execute(this.machine, command, this.now, this.rules);
    this.#take(done);
    return done.outcome;
  }

  read(...findings: MediaFinding[]): void {
    this.#take(mediaRead(this.machine, findings, this.now, this.rules));
  }

  /** Inserts an image, arms the override and goes as far as the firmware reading the image. */
  bootFromCd(): void {
    this.do({
      do: "insert-media",
      slot: "1",
      medium: { image: "http://x/i.iso", writeProtected: true },
    });
    this.do({ do: "set-boot", boot: { enabled: "Once", target: "Cd" } });
    this.do({ do: "reset", type: "On" });
    this.wait(timing.powerOnMs + timing.postMs);
  }

  #take(step: Step): void {
    this.machine = step.machine;
    this.changes.push(...step.changes);
  }
}

const installer: MediaFinding = { slot: "1", kind: "installer", os: "debian-13" };
const config = (completion: "callback" | "boot-progress" | "power-off"): MediaFinding => ({
  slot: "2",
  kind: "config",
  config: { callbackUrl: "http://x/done", completion },
});

describe("power", () => {
  test("goes through PoweringOn and POST, and stops where there is nothing to boot", () => {
    const bench = new Bench();
    expect(bench.do({ do: "reset", type: "On" })).toEqual({ kind: "changed" });
    expect(powerState(bench.machine)).toBe("PoweringOn");
    bench.wait(timing.powerOnMs);
    expect(powerState(bench.machine)).toBe("On");
    expect(bootProgress(bench.machine)).toBe("MemoryInitializationStarted");
    bench.wait(timing.postMs);
    expect(bench.machine.phase).toEqual({ kind: "halted", reason: "no bootable device" });
    expect(nextDueAt(bench.machine, bench.rules)).toBeNull();
  });

  test("a second On changes nothing and is not logged", () => {
    const bench = new Bench();
    bench.do({ do: "reset", type: "On" });
    expect(bench.do({ do: "reset", type: "On" })).toEqual({ kind: "unchanged" });
    expect(bench.actions).toEqual(["power-on"]);
  });

  test("On is refused while the power goes down", () => {
    const bench = new Bench();
    bench.do({ do: "reset", type: "On" });
    bench.wait(timing.powerOnMs);
    bench.do({ do: "reset", type: "ForceOff" });
    expect(bench.do({ do: "reset", type: "On" })).toEqual({
      kind: "refused",
      because: "power-is-changing",
    });
    bench.wait(timing.powerOffMs);
    expect(powerState(bench.machine)).toBe("Off");
    expect(bench.do({ do: "reset", type: "On" })).toEqual({ kind: "changed" });
  });

  test("a graceful shutdown is heard by an operating system and by nothing else", () => {
    const bench = new Bench();
    bench.do({ do: "reset", type: "On" });
    bench.wait(timing.powerOnMs + timing.postMs);
    expect(bench.do({ do: "reset", type: "GracefulShutdown" })).toEqual({ kind: "ignored" });
    expect(powerState(bench.machine)).toBe("On");

    const installed = new Bench();
    installed.bootFromCd();
    installed.read(installer);
    installed.wait(timing.installMs + timing.postMs + timing.osBootMs);
    expect(installed.machine.phase.kind).toBe("os");
    expect(installed.do({ do: "reset", type: "GracefulShutdown" })).toEqual({ kind: "changed" });
    installed.wait(timing.shutdownMs - 1);
    expect(powerState(installed.machine)).toBe("On");
    installed.wait(1);
    expect(powerState(installed.machine)).toBe("Off");
  });

  test("a power cycle comes back on", () => {
    const bench = new Bench();
    bench.do({ do: "reset", type: "On" });
    bench.wait(timing.powerOnMs);
    bench.do({ do: "reset", type: "PowerCycle" });
    expect(powerState(bench.machine)).toBe("PoweringOff");
    bench.wait(timing.powerOffMs);
    expect(powerState(bench.machine)).toBe("PoweringOn");
  });
});

describe("installation", () => {
  test("writes the first disk, reports, and restarts into what it wrote", () => {
    const bench = new Bench();
    bench.bootFromCd();
    expect(bench.machine.boot).toEqual({ enabled: "Disabled", target: "None", mode: "UEFI" });
    bench.read(installer, config("callback"));
    expect(bench.machine.phase.kind).toBe("installing");
    expect(bench.machine.disks[0]).toMatchObject({ os: null, remains: true });
    bench.wait(timing.installMs);
    expect(bench.machine.outbox).toEqual([
      { url: "http://x/done", body: { status: "installed" }, attempts: 0 },
    ]);
    expect(bench.machine.phase.kind).toBe("post");
    bench.wait(timing.postMs);
    expect(bootProgress(bench.machine)).toBe("OSBootStarted");
    bench.wait(timing.osBootMs);
    expect(bootProgress(bench.machine)).toBe("OSRunning");
    expect(bench.machine.disks.map(({ os }) => os)).toEqual(["debian-13", null]);
  });

  test("powers off at the end when its config drive says so", () => {
    const bench = new Bench();
    bench.bootFromCd();
    bench.read(installer, config("power-off"));
    bench.wait(timing.installMs + timing.powerOffMs);
    expect(powerState(bench.machine)).toBe("Off");
    expect(bench.machine.disks[0]?.os).toBe("debian-13");
  });

  test("leaves a broken disk and tells nobody when the power is cut", () => {
    const bench = new Bench();
    bench.bootFromCd();
    bench.read(installer, config("callback"));
    bench.wait(timing.installMs - 1);
    bench.do({ do: "reset", type: "ForceOff" });
    bench.wait(timing.powerOffMs + timing.installMs);
    expect(bench.machine.disks[0]).toMatchObject({ os: null, remains: true, erased: null });
    expect(bench.machine.outbox).toEqual([]);
    expect(bench.actions).toContain("install-broken");
    expect(bench.actions).not.toContain("install-finished");
  });

  test("reports a failure when its medium is ejected", () => {
    const bench = new Bench();
    bench.bootFromCd();
    bench.read(installer, config("callback"));
    bench.do({ do: "eject-media", slot: "1" });
    expect(bench.machine.phase).toEqual({
      kind: "halted",
      reason: "the installer lost its medium",
    });
    expect(bench.machine.outbox[0]?.body).toEqual({
      status: "failed",
      message: "the installer lost its medium",
    });
  });

  test("never ends where its name says so", () => {
    const bench = new Bench("lab-install-hangs");
    bench.bootFromCd();
    bench.read(installer);
    bench.wait(1000 * timing.installMs);
    expect(bench.machine.phase.kind).toBe("installing");
  });

  test("an unreadable image falls through to the disk, and then to nothing", () => {
    const bench = new Bench();
    bench.bootFromCd();
    bench.read({ slot: "1", kind: "unusable", reason: "refused" });
    expect(bench.machine.phase).toEqual({ kind: "halted", reason: "no bootable device" });
    expect(bench.actions).toContain("media-unreadable");
  });

  test("a live image runs from its medium and writes nothing", () => {
    const bench = new Bench();
    bench.bootFromCd();
    bench.read({ slot: "1", kind: "live", os: "diagnostics-live" });
    bench.wait(timing.osBootMs);
    expect(bootProgress(bench.machine)).toBe("OSRunning");
    expect(bench.machine.disks.every(({ os, remains }) => os === null && !remains)).toBe(true);
  });

  test("goes on over a time in which nobody looked", () => {
    const step = new Bench();
    step.bootFromCd();
    step.read(installer, config("callback"));
    const leap = new Bench();
    leap.bootFromCd();
    leap.read(installer, config("callback"));
    for (let waited = 0; waited < 2 * timing.installMs; waited += 1000) step.wait(1000);
    leap.wait(2 * timing.installMs);
    expect(leap.machine).toEqual(step.machine);
    expect(leap.changes).toEqual(step.changes);
  });
});

describe("erase", () => {
  const eraseAll = (bench: Bench, start: "now" | "on-restart" = "now"): Outcome =>
    bench.do({
      do: "erase",
      serials: bench.machine.disks.map(({ serial }) => serial),
      method: "CryptographicErase",
      scope: "drive",
      target: "/erase",
      start,
    });

  test("empties the disks when its time is over, not before", () => {
    const bench = new Bench();
    bench.bootFromCd();
    bench.read(installer);
    bench.wait(timing.installMs);
    eraseAll(bench);
    bench.wait(timing.eraseMs - 1);
    expect(bench.machine.disks[0]?.os).toBe("debian-13");
    bench.wait(1);
    expect(bench.machine.disks).toEqual(
      bench.machine.disks.map((disk) => ({
        ...disk,
        os: null,
        remains: false,
        erased: "CryptographicErase",
      })),
    );
  });

  test("is refused while it runs, and can be repeated after", () => {
    const bench = new Bench();
    eraseAll(bench);
    expect(eraseAll(bench)).toEqual({ kind: "refused", because: "drive-is-busy" });
    bench.wait(timing.eraseMs);
    expect(eraseAll(bench).kind).toBe("changed");
  });

  test("asked for on restart begins with the self-test", () => {
    const bench = new Bench();
    eraseAll(bench, "on-restart");
    bench.wait(10 * timing.eraseMs);
    expect(bench.actions).toEqual(["erase-asked"]);
    bench.do({ do: "reset", type: "On" });
    bench.wait(timing.powerOnMs + timing.eraseMs);
    expect(bench.actions).toContain("erase-finished");
  });

  test("fails where the machine's name says so, and leaves what was there", () => {
    const bench = new Bench("lab-erase-fails");
    bench.bootFromCd();
    bench.read(installer);
    bench.wait(timing.installMs);
    eraseAll(bench);
    bench.wait(timing.eraseMs);
    expect(bench.machine.disks[0]).toMatchObject({ os: "debian-13", remains: true, erased: null });
    expect(bench.machine.jobs[0]?.result).toBe("failed");
  });

  test("survives a restart of the BMC, which forgets its task", () => {
    const bench = new Bench();
    eraseAll(bench);
    bench.do({ do: "restart-bmc" });
    expect(bench.machine.jobs[0]?.forgotten).toBe(true);
    bench.wait(timing.bmcRestartMs);
    expect(bench.machine.bmc.restartingUntil).toBeNull();
    expect(bench.machine.disks[0]?.erased).toBe("CryptographicErase");
  });
});

describe("whatever is done to a machine", () => {
  const command: fc.Arbitrary<Command> = fc.oneof(
    fc.constantFrom(...resetTypes).map((type): Command => ({ do: "reset", type })),
    fc
      .constantFrom("Cd", "Hdd", "None")
      .map((target): Command => ({ do: "set-boot", boot: { enabled: "Once", target } })),
    fc.constant<Command>({
      do: "insert-media",
      slot: "1",
      medium: { image: "http://x/i.iso", writeProtected: true },
    }),
    fc.constant<Command>({ do: "eject-media", slot: "1" }),
    fc.constant<Command>({ do: "restart-bmc" }),
  );
  const act = fc.record({ command, waitMs: fc.integer({ min: 0, max: 500_000 }) });

  test("only what changed is logged, and a machine that installs has no system yet", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const bench = new Bench();
        for (const { command: next, waitMs } of acts) {
          bench.wait(waitMs);
          if (bench.machine.phase.kind === "reading-media") bench.read(installer);
          const before = bench.machine;
          const logged = bench.changes.length;
          const outcome = bench.do(next);
          if (outcome.kind !== "changed") {
            expect(bench.machine).toBe(before);
            expect(bench.changes).toHaveLength(logged);
          } else {
            expect(bench.changes.length).toBeGreaterThan(logged);
          }
          if (bench.machine.phase.kind === "installing")
            expect(bench.machine.disks[0]?.os).toBeNull();
          const due = nextDueAt(bench.machine, bench.rules);
          if (due !== null) expect(due).toBeGreaterThanOrEqual(bench.now);
        }
      }),
    );
  });
});
