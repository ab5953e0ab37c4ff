import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPglite } from "#platform/pglite.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import { registration, runPath, serversPath } from "#test/processes/api.ts";
import type { Child } from "#test/processes/child.ts";
import { adminKeyFile, adminKeyOf, command } from "#test/processes/control-plane.ts";

/** The process: how it starts, what it refuses to start on, and how it ends. */

let world: ProcessWorld;

beforeAll(async () => {
  world = await openProcessWorld({ servers: 3, speed: 150 });
}, 180_000);
afterAll(() => world.close());

/** A start that must be refused, in words. */
async function refused(child: Child, words: RegExp): Promise<void> {
  expect(await child.ended).toEqual({ code: 1, signal: null });
  expect(child.stdout()).toBe("");
  expect(child.stderr()).toMatch(words);
  // In words means one message, not a stack.
  expect(child.stderr()).not.toMatch(/\n\s+at /);
}

const logged = (child: Child, text: string): boolean => child.stderr().includes(text);

/** What the process is waited for to say in its log. */
async function says(child: Child, text: string): Promise<void> {
  await expect.poll(() => logged(child, text), { timeout: 30_000 }).toBe(true);
}

describe("a start", { timeout: 180_000 }, () => {
  it("keeps the admin key to its owner, and lets nobody else in", async () => {
    const dataDir = world.folder();
    const plane = await world.start(world.env(dataDir));
    expect(statSync(adminKeyFile(dataDir)).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, "secret-key")).mode & 0o777).toBe(0o600);
    expect(plane.child.stdout()).not.toContain(adminKeyOf(dataDir));
    expect(plane.child.stderr()).not.toContain(adminKeyOf(dataDir));
    const ask = async (key: string) =>
      (await fetch(`${plane.url}/v1/workflows/runs`, { headers: { authorization: key } })).status;
    expect(await ask(`Bearer ${adminKeyOf(dataDir)}`)).toBe(200);
    expect(await ask("Bearer mk_0123456789abcdef0123456789abcdef")).toBe(401);
    expect(await ask("")).toBe(401);

    // While it runs, nobody else gets at its database; it does not even notice.
    const second = world.begin(world.env(dataDir));
    await refused(second, /data directory .* is in use by another Millwright process/);
    const dump = await command(["dump", join(dataDir, "dump")], world.env(dataDir));
    expect(dump.code).toBe(1);
    expect(dump.stderr).toContain("is in use by another Millwright process");
    expect(await ask(`Bearer ${adminKeyOf(dataDir)}`)).toBe(200);
    plane.child.signal("SIGTERM");
    expect(await plane.child.ended).toEqual({ code: 0, signal: null });
  });

  it("takes the admin key that it is given, and writes none", async () => {
    const dataDir = await world.dataDir();
    const key = "mk_a-key-of-our-own-0123456789";
    const plane = await world.start(world.env(dataDir, { MILLWRIGHT_ADMIN_KEY: key }));
    expect(existsSync(adminKeyFile(dataDir))).toBe(false);
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${plane.url}/v1/workflows/runs`, { headers })).status).toBe(200);
    plane.child.signal("SIGINT");
    expect(await plane.child.ended).toEqual({ code: 0, signal: null });
  });

  it.each([
    ["MILLWRIGHT_PROT", "4400", /MILLWRIGHT_PROT is not a setting; known are .*MILLWRIGHT_PORT/],
    ["MILLWRIGHT_PORT", "http", /MILLWRIGHT_PORT: must be a/],
    ["MILLWRIGHT_ADMIN_KEY", "secret", /MILLWRIGHT_ADMIN_KEY: must be mk_/],
    ["MILLWRIGHT_SECRET_KEY", "c2hvcnQ=", /MILLWRIGHT_SECRET_KEY: must be 32 bytes, base64/],
  ])("with %s=%s is refused and leaves nothing", async (name, value, words) => {
    const dataDir = world.folder();
    await refused(world.begin(world.env(dataDir, { [name]: value })), words);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it("on the database of a newer version is refused, and touches nothing", async () => {
    const dataDir = await world.dataDir();
    const written = async () => {
      const database = await openPglite(join(dataDir, "database"));
      const rows = await database.query(
        `select number, name, digest from schema_migrations
          union all select count(*), 'tables', null from pg_class where relkind in ('r', 'i', 'S')
          union all select count(*), 'api keys', null from api_keys
          union all select count(*), 'events', null from events order by 2`,
      );
      await database.close();
      return rows;
    };
    const database = await openPglite(join(dataDir, "database"));
    await database.query(
      "insert into schema_migrations (number, name, digest) values (9999, '9999_later.sql', 'x')",
    );
    await database.close();
    const before = await written();
    await refused(world.begin(world.env(dataDir)), /the database has schema 9999, this version/);
    for (const words of [["migrate"], ["rebuild"], ["audit", "verify"]])
      expect(await command(words, world.env(dataDir))).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("nothing has been changed"),
      });
    expect(await written()).toEqual(before);
  });

  it("with another secret key than the database's is refused, also after a restore elsewhere", async () => {
    const ended = async ({ child }: { readonly child: Child }): Promise<void> => {
      child.signal("SIGTERM");
      expect(await child.ended).toEqual({ code: 0, signal: null });
    };
    const what =
      /belong to another secret key than this process has.* set MILLWRIGHT_SECRET_KEY to/;
    const dataDir = await world.dataDir();
    await ended(await world.start(world.env(dataDir)));
    const MILLWRIGHT_SECRET_KEY = randomBytes(32).toString("base64");
    await refused(world.begin(world.env(dataDir, { MILLWRIGHT_SECRET_KEY })), what);

    const dump = join(world.folder(), "dump");
    expect(await command(["dump", dump], world.env(dataDir))).toMatchObject({ code: 0 });
    const elsewhere = await world.dataDir();
    expect(await command(["restore", dump], world.env(elsewhere))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("set MILLWRIGHT_SECRET_KEY to"),
    });
    await refused(world.begin(world.env(elsewhere)), what);
    const key = readFileSync(join(dataDir, "secret-key"), "utf8").trim();
    await ended(await world.start(world.env(elsewhere, { MILLWRIGHT_SECRET_KEY: key })));
  });
});

describe("an end", { timeout: 180_000 }, () => {
  it("by SIGTERM lets a step reach its commit, and the run goes on with the next start", async () => {
    const [bmc] = world.lab.bmcs;
    const dataDir = await world.dataDir();
    const env = world.env(dataDir, { MILLWRIGHT_PACE: "10" });
    const plane = await world.start(env);
    const api = world.api(plane, dataDir);
    // A client that follows the log must not keep the process from ending.
    const stream = await api.open("GET", "/v1/events", {
      headers: { accept: "text/event-stream" },
    });
    const chunks = stream.body?.getReader();
    await world.lab.fault({ target: bmc!.name, path: "Systems", delayMs: 1_500, times: 1 });
    const accepted = await api.good("POST", serversPath, {
      body: registration(bmc!, { inspect: false }),
    });
    await api.until(accepted.run, ({ steps }) => steps[1]?.status === "running");
    plane.child.signal("SIGTERM");
    expect(await plane.child.ended).toEqual({ code: 0, signal: null });
    await chunks?.cancel().catch(() => undefined);
    // Its session at the BMC went with it.
    expect(await world.lab.sessions(bmc!.name)).toBe(0);

    const next = await world.start(env);
    const again = world.api(next, dataDir);
    const run = await again.ended(accepted.run);
    expect(run).toMatchObject({ status: "completed" });
    // Nothing was cut off: no step was begun twice, no lease had to be taken over.
    expect(Math.max(...run.steps.map(({ attempts }) => attempts))).toBe(1);
    expect((await again.events(run.id)).map(({ type }) => type)).not.toContain("run.recovered");
    next.child.signal("SIGTERM");
    expect(await next.child.ended).toEqual({ code: 0, signal: null });
  });

  it("by a second SIGTERM comes at once, and loses nothing", async () => {
    const [, bmc] = world.lab.bmcs;
    const dataDir = await world.dataDir();
    const env = world.env(dataDir, { MILLWRIGHT_PACE: "5" });
    const plane = await world.start(env);
    const api = world.api(plane, dataDir);
    await world.lab.fault({ target: bmc!.name, delayMs: 60_000, times: 1 });
    const accepted = await api.good("POST", serversPath, {
      body: registration(bmc!, { inspect: false }),
    });
    await api.until(accepted.run, ({ steps }) => steps[0]?.status === "running");
    plane.child.signal("SIGTERM");
    await says(plane.child, '"stopping"');
    plane.child.signal("SIGTERM");
    // Ending in order would have ended with 0.
    expect(await plane.child.ended).toEqual({ code: 1, signal: null });

    const next = await world.start(env);
    const again = world.api(next, dataDir);
    expect((await again.good("GET", runPath(accepted.run))).data).toMatchObject({
      status: "running",
    });
    expect(await again.ended(accepted.run)).toMatchObject({ status: "completed" });
    expect((await again.events(accepted.run)).map(({ type }) => type)).toContain("run.recovered");
    next.child.signal("SIGKILL");
    await next.child.ended;
  });
});
