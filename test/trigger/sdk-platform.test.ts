import { afterEach, beforeEach, expect, it } from "vitest";
import { RunId } from "#contract/ids.ts";
import { PlatformAway, PlatformRefused } from "#engine/trigger/platform.ts";
import { createSdkPlatform } from "#engine/trigger/sdk-platform.ts";
import { Platform } from "#lab/trigger/platform.ts";
import { TriggerServer } from "#lab/trigger/server.ts";

/** Our use of Trigger.dev's SDK against the stand-in's API; nothing is executed. */

const secretKey = "tr_dev_aaaaaaaaaaaaaaaaaaaaaaaa";
const runId = RunId.parse("run_01KAP5ZV9QJ5T1W7R9D0C3M8XH");

let standIn: Platform;
let server: TriggerServer;
let apiUrl: string;
let made: number;

beforeEach(async () => {
  made = 0;
  standIn = new Platform({
    tasksFile: "none",
    env: {},
    concurrency: 0,
    runsPerProcess: 1,
    stallMs: 1_000,
    now: Date.now,
    newId: () => {
      made += 1;
      return `run_${String(made).padStart(25, "0")}`;
    },
  });
  server = new TriggerServer({ platform: standIn, secretKey, now: Date.now });
  apiUrl = await server.listen("127.0.0.1", 0);
});
afterEach(async () => {
  await standIn.close();
  await server.close();
});

const platformWith = (key: string) =>
  createSdkPlatform({ apiUrl, secretKey: key, maxDurationS: 60, now: Date.now });
const slice = (number: number) => ({
  task: "server.inspect" as const,
  payload: { runId, slice: number },
  resourceId: "srv_1",
  priority: 0,
});
const outage = (body: object): Promise<Response> =>
  fetch(`${apiUrl}/_trigger/outage`, { method: "POST", body: JSON.stringify(body) });

it("triggers a slice once, however often and however much at once it is asked for", async () => {
  const platform = platformWith(secretKey);
  const ids = await Promise.all(Array.from({ length: 10 }, () => platform.trigger(slice(1))));
  expect(new Set(ids).size).toBe(1);
  expect(standIn.runs).toHaveLength(1);
  expect(await platform.trigger(slice(2))).not.toBe(ids[0]);
  expect(
    standIn.runs.map(({ idempotencyKey }) => idempotencyKey).every((key) => key !== null),
  ).toBe(true);
});

it("tells what became of a slice", async () => {
  const platform = platformWith(secretKey);
  const id = await platform.trigger(slice(1));
  expect(await platform.fate(id)).toBe("alive");
  standIn.cancel(id);
  expect(await platform.fate(id)).toBe("cancelled");
  expect(await platform.fate("run_0000000000000000000000000")).toBe("ended");
});

it("says by which key it is refused, and never the key", async () => {
  const refused = await platformWith("tr_dev_wrong")
    .trigger(slice(1))
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(PlatformRefused);
  expect((refused as Error).message).toContain("TRIGGER_SECRET_KEY");
  expect((refused as Error).message).not.toContain("tr_dev_wrong");
});

it("waits for the reset of a rate limit itself", async () => {
  await outage({ outage: "rate-limited", ms: 5_000 });
  const asked = Date.now();
  const away = await platformWith(secretKey)
    .trigger(slice(1))
    .catch((error: unknown) => error);
  expect(away).toBeInstanceOf(PlatformAway);
  expect((away as PlatformAway).until).toBeGreaterThan(asked + 3_000);
  expect((away as PlatformAway).until).toBeLessThan(asked + 12_000);
  expect(Date.now() - asked).toBeLessThan(3_000);
});

it("is away when nobody answers", async () => {
  await outage({ outage: "down" });
  const platform = platformWith(secretKey);
  for (const ask of [() => platform.trigger(slice(1)), () => platform.fate("run_1")])
    await expect(ask()).rejects.toBeInstanceOf(PlatformAway);
});
