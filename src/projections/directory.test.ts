import { afterAll, beforeAll, expect, it } from "vitest";
import type { ServerId } from "#contract/ids.ts";
import { migrate } from "#journal/migrate.ts";
import type { Database } from "#platform/database.ts";
import { openMemoryDatabase } from "#test/memory-database.ts";
import { createDirectory } from "./directory.ts";

let db: Database;
const id = (last: string): ServerId => `srv_01KAP5ZV9QJ5T1W7R9D0C3M8X${last}`;

beforeAll(async () => {
  db = await openMemoryDatabase();
  await migrate(db);
  const rows: [string, string, string | null, string | null, string, string][] = [
    ["A", "available", "uuid-a", "S1", "Dell", "https://10.0.0.1"],
    ["B", "ready", null, "S1", "HPE", "https://10.0.0.2"],
    ["C", "decommissioned", "uuid-c", "S3", "Dell", "https://10.0.0.3"],
    ["D", "ready", "uuid-a", null, "Dell", "https://10.0.0.4"],
    ["E", "registering", "uuid-e", null, "Dell", "https://10.0.0.5"],
    ["F", "available", "uuid-e", null, "Dell", "https://10.0.0.6"],
  ];
  for (const [last, state, uuid, serial, manufacturer, address] of rows) {
    await db.query(
      `insert into servers (id, region, project, state, power, health, uuid, serial, bmc_address, tags, created_at, stream_version, body)
        values ($1, 'local', 'default', $2, 'on', 'healthy', $3, $4, $5, '{}', now(), 1, $6)`,
      [id(last), state, uuid, serial, address, JSON.stringify({ manufacturer })],
    );
  }
});
afterAll(() => db.close());

const nobody = { uuid: null, serial: null, manufacturer: null, bmcAddress: "https://none" };
const find = async (identity: Partial<typeof nobody> | object, except = id("Z")) =>
  (await look(identity, except))?.id ?? null;
const look = (identity: object, except: ServerId) =>
  createDirectory(db).findServer(
    { ...nobody, ...identity, except },
    { signal: AbortSignal.timeout(30_000) },
  );

it("finds a machine by UUID, by serial within its manufacturer, or by its BMC's address", async () => {
  expect(await find({ uuid: "uuid-a" })).toBe(id("A"));
  expect(await find({ serial: "S1", manufacturer: "HPE" })).toBe(id("B"));
  expect(await find({ serial: "S1", manufacturer: "Lenovo" })).toBeNull();
  expect(await find({ bmcAddress: "https://10.0.0.2" })).toBe(id("B"));
  expect(await find({})).toBeNull();
});

it("looks past the one that asks and those that are gone, and prefers the oldest", async () => {
  expect(await find({ uuid: "uuid-a" }, id("A"))).toBe(id("D"));
  expect(await find({ uuid: "uuid-c", bmcAddress: "https://10.0.0.3" })).toBeNull();
});

it("prefers one that is registered to one that may come to nothing, and says which it is", async () => {
  expect(await look({ uuid: "uuid-e" }, id("Z"))).toEqual({ id: id("F"), registering: false });
  expect(await look({ uuid: "uuid-e" }, id("F"))).toEqual({ id: id("E"), registering: true });
});
