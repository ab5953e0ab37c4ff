import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SecretId } from "#contract/ids.ts";
import { createCipher, generateSecretKey } from "#platform/cipher.ts";
import type { Database } from "#platform/database.ts";
import { openMemoryDatabase } from "#test/memory-database.ts";
import { type BmcSession, createMemorySessionStore, type SessionStore } from "./session-store.ts";
import { createSessionTable } from "./session-table.ts";

const account: SecretId = "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
const at = Date.parse("2026-03-02T08:00:00Z");

const session = (token: string, more: Partial<BmcSession> = {}): BmcSession => ({
  bmc: "https://10.0.0.5:443",
  account,
  uri: `/redfish/v1/SessionService/Sessions/${token}`,
  token,
  tls: { mode: "pin", fingerprint256: "AA:BB" },
  usedAtMs: at,
  ...more,
});

let database: Database;

beforeAll(async () => {
  database = await openMemoryDatabase();
  await database.script(readFileSync("src/journal/migrations/0007_bmc_sessions.sql", "utf8"));
});

afterAll(() => database.close());

const key = generateSecretKey();

const stores: readonly (readonly [string, () => Promise<SessionStore>])[] = [
  ["in memory", () => Promise.resolve(createMemorySessionStore())],
  [
    "in a table",
    async () => {
      await database.query("delete from bmc_sessions");
      return createSessionTable(database, createCipher(key));
    },
  ],
];

describe.each(stores)("sessions kept %s", (_name, open) => {
  let store: SessionStore;

  beforeEach(async () => {
    store = await open();
  });

  it("come back as they were", async () => {
    const one = session("one");
    expect(await store.find(one.bmc, account)).toBeNull();
    expect(await store.keep(one, null)).toEqual(one);
    expect(await store.find(one.bmc, account)).toEqual(one);
    const bare = session("two", { bmc: "https://b:443", uri: null, tls: { mode: "insecure" } });
    await store.keep(bare, null);
    expect(await store.find(bare.bmc, account)).toEqual(bare);
  });

  it("are one per BMC: the second to come gets the first one's", async () => {
    const first = await store.keep(session("one"), null);
    expect(await store.keep(session("two"), null)).toEqual(first);
    const third = session("three");
    expect(await store.keep(third, first)).toEqual(third);
    // Somebody who still thinks that the first one counts does not undo the third.
    expect(await store.keep(session("four"), first)).toEqual(third);
  });

  it("are forgotten by whom they belong to, once", async () => {
    const one = session("one");
    await store.keep(one, null);
    expect(await store.forget(session("other"))).toBe(false);
    expect(await store.forget(one)).toBe(true);
    expect(await store.forget(one)).toBe(false);
  });

  it("are taken out when idle, each for one taker, and not when used", async () => {
    const idle = session("idle");
    const used = session("used", { bmc: "https://used:443" });
    await store.keep(idle, null);
    await store.keep(used, null);
    await store.touch(used, at + 60_000);
    const taken = await Promise.all([store.takeIdle(at + 30_000), store.takeIdle(at + 30_000)]);
    expect(taken.flat()).toEqual([idle]);
    expect(await store.find(used.bmc, account)).toMatchObject({ usedAtMs: at + 60_000 });
  });

  it("that are gone stay gone when touched", async () => {
    const one = session("one");
    await store.touch(one, at);
    expect(await store.find(one.bmc, account)).toBeNull();
  });
});

describe("the table", () => {
  it("holds no token in the clear, and drops what another key sealed", async () => {
    await database.query("delete from bmc_sessions");
    const store = createSessionTable(database, createCipher(key));
    await store.keep(session("very-secret"), null);
    const [row] = await database.query<{ token: Uint8Array; mark: string }>(
      "select token, mark from bmc_sessions",
    );
    expect(Buffer.from(row!.token).toString("latin1")).not.toContain("very-secret");
    expect(row!.mark).not.toContain("very-secret");
    const other = createSessionTable(database, createCipher(generateSecretKey()));
    expect(await other.find(session("x").bmc, account)).toBeNull();
    expect(await database.query("select 1 from bmc_sessions")).toEqual([]);
  });
});
