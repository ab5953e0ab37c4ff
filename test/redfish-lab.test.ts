import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { Inventory } from "#contract/inventory.ts";
import type { BmcPort, BmcRef } from "#drivers/ports.ts";
import { createRedfish } from "#drivers/redfish/redfish.ts";
import { createGate } from "#drivers/redfish/wire/gate.ts";
import { createMemorySessionStore } from "#drivers/redfish/wire/session-store.ts";
import { type Clock, systemClock } from "#platform/clock.ts";

/**
 * What the port of BMCs promises, held against every machine of the lab: reading, power, media, boot, light and
 * erase, and what a second call of each does.
 */
const LabIndex = z.object({
  bmcs: z.array(
    z.object({
      name: z.string(),
      vendor: z.string(),
      address: z.string(),
      username: z.string(),
      password: z.string(),
      fingerprint256: z.string(),
    }),
  ),
  images: z.array(z.object({ name: z.string(), url: z.string() })),
});

type LabBmc = z.infer<typeof LabIndex>["bmcs"][number];

const Effects = z.array(
  z.object({ target: z.string(), action: z.string(), key: z.string().optional() }),
);
type Effect = z.infer<typeof Effects>[number];

/** One of each profile. */
const servers = 8;
const account = "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH";

let lab: ChildProcess;
let url = "";
let index: z.infer<typeof LabIndex>;
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "millwright-lab-"));
  const options = ["--port", "0", "--servers", String(servers), "--speed", "600"];
  lab = fork("lab/main.ts", [...options, "--data-dir", folder], { stdio: "ignore" });
  url = await new Promise<string>((resolve, reject) => {
    lab.once("message", (message) => resolve(z.object({ url: z.string() }).parse(message).url));
    lab.once("exit", (code) => reject(new Error(`the lab ended with ${code}`)));
  });
  index = LabIndex.parse(await (await fetch(`${url}/_lab`)).json());
});

afterAll(async () => {
  if (lab.exitCode === null) {
    const ended = new Promise((resolve) => lab.once("exit", resolve));
    lab.disconnect();
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

const named = (part: string): LabBmc => {
  const found = index.bmcs.find(({ name }) => name.includes(part));
  if (found === undefined) throw new Error(`the lab has no ${part}`);
  return found;
};

/** The lab runs at a multiple of life's speed; the driver's pauses are shortened to suit. */
const quickClock: Clock = {
  now: () => systemClock.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
};

/** One driver for one BMC, closed afterwards: no session may be left. */
const during = async (
  bmc: LabBmc,
  work: (bmcs: BmcPort, ref: BmcRef) => Promise<void>,
  secret: { readonly password?: string } = {},
): Promise<void> => {
  const sessions = createMemorySessionStore();
  const bmcs = createRedfish({
    reveal: () => Promise.resolve({ username: bmc.username, password: bmc.password, ...secret }),
    sessions,
    sharesSessions: false,
    gate: createGate({ slots: 1, locks: null, clock: quickClock, random: Math.random }),
    clock: quickClock,
    random: Math.random,
    log: () => undefined,
  });
  const tls = { mode: "pin", fingerprint256: bmc.fingerprint256 } as const;
  try {
    await work(bmcs, { address: bmc.address, credentials: account, tls });
  } finally {
    await bmcs.close();
  }
  expect(sessions.all()).toEqual([]);
};

const reading = () => ({ signal: AbortSignal.timeout(50_000) });
const writing = (key: string) => ({ ...reading(), key });

/** Asks until the answer is as wanted; the world of the lab moves by itself. */
const until = async <T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> => {
  const deadline = Date.now() + 45_000;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`never: ${JSON.stringify(answer)}`);
    await sleep(50);
  }
};

const effects = async (name: string): Promise<Effect[]> => {
  const body = Effects.parse(await (await fetch(`${url}/_lab/effects`)).json());
  return body.filter(({ target }) => target === name);
};

const failureOf = async (call: Promise<unknown>): Promise<Failure> => {
  const thrown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
};

describe.each(Array.from({ length: servers }, (_, at) => at))("server %i of the lab", (at) => {
  const server = (): LabBmc => index.bmcs[at]!;

  it("is reached, identified and inspected", async () => {
    await during(server(), async (bmcs, ref) => {
      const connected = await bmcs.connect(ref, reading());
      expect(connected.fingerprint256).toBe(server().fingerprint256);
      const identity = await bmcs.identify(ref, reading());
      expect(identity.serial).not.toBeNull();
      const inventory = await bmcs.readInventory(ref, reading());
      expect(Inventory.parse(inventory)).toEqual(inventory);
      expect(inventory.system.serial).toBe(identity.serial);
      expect(inventory.firmware.length).toBeGreaterThan(0);
      expect(await effects(server().name)).toEqual([]);
    });
  });

  it("is switched on and off, once however often it is asked", async () => {
    await during(server(), async (bmcs, ref) => {
      const power = async () => bmcs.readState(ref, reading());
      const isOff = ({ power: now, changing }: Awaited<ReturnType<typeof power>>) =>
        now === "off" && !changing;
      const isOn = ({ power: now, changing }: Awaited<ReturnType<typeof power>>) =>
        now === "on" && !changing;
      await bmcs.setPower(ref, "force-off", writing("t/prepare"));
      await until(power, isOff);
      expect(await bmcs.setPower(ref, "on", writing("t/on"))).toBe("asked");
      await bmcs.setPower(ref, "on", writing("t/on"));
      await until(power, isOn);
      expect(await bmcs.setPower(ref, "on", writing("t/on"))).toBe("already");
      const seen = await effects(server().name);
      expect(seen.filter(({ key }) => key === "t/on")).toHaveLength(1);
      expect(await bmcs.setPower(ref, "force-off", writing("t/off"))).toBe("asked");
      await until(power, isOff);
      expect(await bmcs.setPower(ref, "force-off", writing("t/off"))).toBe("already");
    });
  });

  it("takes and gives back an image, and boots from it once", async () => {
    await during(server(), async (bmcs, ref) => {
      const image = index.images[0]!.url;
      const media = () => bmcs.readMedia(ref, [image], reading());
      const before = await media();
      expect(before.some(({ image: held }) => held !== null)).toBe(false);
      expect(await bmcs.insertMedia(ref, { url: image, kind: "cd" }, writing("t/in"))).toBe(
        "asked",
      );
      await until(media, (slots) => slots.some((slot) => slot.inserted && slot.holds === image));
      expect(await bmcs.insertMedia(ref, { url: image, kind: "cd" }, writing("t/in"))).toBe(
        "already",
      );
      expect(await bmcs.setBootOnceCd(ref, writing("t/boot"))).toBe("asked");
      expect((await bmcs.readState(ref, reading())).boot).toMatchObject({ enabled: "once" });
      expect(await bmcs.setBootOnceCd(ref, writing("t/boot"))).toBe("already");
      expect(await bmcs.clearBootOverride(ref, writing("t/unboot"))).toBe("asked");
      expect((await bmcs.readState(ref, reading())).boot?.enabled).toBe("disabled");
      expect(await bmcs.clearBootOverride(ref, writing("t/unboot"))).toBe("already");
      expect(await bmcs.ejectMedia(ref, image, writing("t/out"))).toBe("asked");
      await until(media, (slots) => slots.every(({ image: held }) => held === null));
      expect(await bmcs.ejectMedia(ref, image, writing("t/out"))).toBe("already");
    });
  });

  it("shows where it stands", async () => {
    await during(server(), async (bmcs, ref) => {
      const { indicator } = await bmcs.readState(ref, reading());
      const on = indicator !== "on";
      expect(await bmcs.setIndicator(ref, on, writing("t/light"))).toBe("asked");
      await until(
        () => bmcs.readState(ref, reading()),
        (state) => state.indicator === (on ? "on" : "off"),
      );
      expect(await bmcs.setIndicator(ref, on, writing("t/light"))).toBe("already");
    });
  });

  it("erases its drives and proves it, or says that it cannot", async () => {
    await during(server(), async (bmcs, ref) => {
      await bmcs.setPower(ref, "on", writing("t/wake"));
      await until(
        () => bmcs.readState(ref, reading()),
        ({ power, changing }) => power === "on" && !changing,
      );
      const { drives } = await bmcs.readInventory(ref, reading());
      expect(drives.length).toBeGreaterThan(0);
      const started = await bmcs
        .startErase(ref, { withinMs: 0 }, writing("t/erase"))
        .catch((error: unknown) => error);
      if (started instanceof Failure) {
        expect(started.code).toBe("BMC_UNSUPPORTED");
        expect(started.details?.["drives"]).toBeDefined();
        return;
      }
      const targets = started as Awaited<ReturnType<BmcPort["startErase"]>>;
      expect(new Set(targets.map(({ serial }) => serial))).toEqual(
        new Set(drives.map(({ serial }) => serial)),
      );
      expect(targets).toHaveLength(drives.length);
      const again = await bmcs.startErase(ref, { withinMs: 0 }, writing("t/erase"));
      expect(again.map(({ driveId }) => driveId)).toEqual(targets.map(({ driveId }) => driveId));
      const ended = await until(
        () => bmcs.readErase(ref, again, reading()),
        (progress) => progress.every(({ state }) => state !== "running"),
      );
      expect(ended.map(({ state }) => state)).toEqual(ended.map(() => "done"));
    });
  });
});

it("meets every profile of the lab", () => {
  const profiles = index.bmcs
    .map(({ name }) => /^lab-\d+-(.*)$/.exec(name)?.[1])
    .filter((profile) => profile !== undefined);
  expect(profiles).toHaveLength(servers);
  expect(new Set(profiles).size).toBe(servers);
});

describe("machines with a fault", () => {
  it("of the line are read all the same", async () => {
    await during(named("bmc-flaky"), async (bmcs, ref) => {
      const inventory = await bmcs.readInventory(ref, reading());
      expect(inventory.processors.length).toBeGreaterThan(0);
    });
  });

  it("that are dead cannot be reached", async () => {
    await during(named("bmc-dead"), async (bmcs, ref) => {
      const call = bmcs.connect(ref, { signal: AbortSignal.timeout(5000) });
      expect((await failureOf(call)).code).toBe("BMC_CONNECTION_FAILED");
    });
  });

  it("that do not know our password refuse us", async () => {
    await during(named("bad-password"), async (bmcs, ref) => {
      expect((await failureOf(bmcs.connect(ref, reading()))).code).toBe("BMC_AUTH_FAILED");
    });
  });

  it("whose drives are not erased say so", async () => {
    await during(named("erase-fails"), async (bmcs, ref) => {
      await bmcs.setPower(ref, "on", writing("t/wake"));
      await until(
        () => bmcs.readState(ref, reading()),
        ({ power, changing }) => power === "on" && !changing,
      );
      const targets = await bmcs.startErase(ref, { withinMs: 0 }, writing("t/erase"));
      const ended = await until(
        () => bmcs.readErase(ref, targets, reading()),
        (progress) => progress.every(({ state }) => state !== "running"),
      );
      expect(ended.map(({ state }) => state)).toContain("failed");
      expect(ended.find(({ state }) => state === "failed")?.message).not.toBeNull();
    });
  });

  it("that lie about their power are believed by the driver: proof is the workflow's", async () => {
    await during(named("lies-about-power"), async (bmcs, ref) => {
      await bmcs.setPower(ref, "on", writing("t/on"));
      expect(["on", "off"]).toContain((await bmcs.readState(ref, reading())).power);
    });
  });

  it("with another password refuse us once and for all", async () => {
    await during(
      named("idrac"),
      async (bmcs, ref) => {
        expect((await failureOf(bmcs.connect(ref, reading()))).code).toBe("BMC_AUTH_FAILED");
      },
      { password: "wrong" },
    );
  });

  it("with another certificate are sent nothing", async () => {
    await during(named("ilo"), async (bmcs, ref) => {
      const fingerprint256 = named("idrac").fingerprint256;
      const call = bmcs.connect({ ...ref, tls: { mode: "pin", fingerprint256 } }, reading());
      expect((await failureOf(call)).code).toBe("BMC_CERTIFICATE_CHANGED");
    });
  });
});
