import { afterAll, beforeAll, describe, it, vi } from "vitest";
import type { Run } from "#contract/run.ts";
import type { Completion, LifecycleAction } from "#contract/server.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import { type Api, imageOf, registration, serverPath, serversPath } from "#test/processes/api.ts";

/**
 * The whole life of a server on every kind of BMC that the lab plays, asked for and read over HTTP only. After each
 * step three things must agree: the run's outcome, the server as the API shows it, and the lab's world.
 */

interface Kind {
  readonly profile: string;
  /** The BMC tells how far a boot has come, so an installation's end can be seen; elsewhere it must be told. */
  readonly tellsBoots: boolean;
  /** The BMC can erase every drive. */
  readonly erases: boolean;
}

const kinds: readonly Kind[] = [
  { profile: "idrac9", tellsBoots: true, erases: true },
  { profile: "ilo6", tellsBoots: true, erases: true },
  { profile: "x13", tellsBoots: true, erases: false },
  { profile: "xcc", tellsBoots: false, erases: false },
  { profile: "openbmc", tellsBoots: true, erases: true },
  { profile: "gb200", tellsBoots: true, erases: true },
  { profile: "ilo5", tellsBoots: false, erases: true },
  { profile: "dgx", tellsBoots: true, erases: false },
];

// More lives at a time would only wait for each other.
vi.setConfig({ maxConcurrency: 4 });

let world: ProcessWorld;
let api: Api;
let lives = 0;

beforeAll(async () => {
  // Deadlines are twice as generous as the lab is fast, so that they do not fire because the tester's machine is busy.
  world = await openProcessWorld({ servers: 0, speed: 60 });
  const dataDir = await world.dataDir();
  const env = world.env(dataDir, { MILLWRIGHT_LOG_LEVEL: "warn", MILLWRIGHT_PACE: "30" });
  const plane = await world.start(env);
  api = world.api(plane, dataDir);
}, 180_000);
afterAll(() => world.close());

describe.concurrent.each(kinds)("a server with the BMC of profile $profile", (kind) => {
  it(
    "is registered, installed, operated, emptied and decommissioned",
    {
      timeout: 240_000,
    },
    async ({ expect }) => {
      lives += 1;
      // A second try of this test needs a machine that nothing was done to.
      const bmc = await world.lab.add(`life-${lives}-${kind.profile}`, kind.profile);
      const machine = () => world.lab.snapshot(bmc.name);
      const installs = async (): Promise<number> =>
        (await world.lab.effects(bmc.name)).filter(({ action }) => action === "install-started")
          .length;
      const image = imageOf(world.lab.image("iso"));

      const registered = await api.completed("POST", serversPath, registration(bmc));
      const id = registered.resourceId;
      const path = serverPath(id);
      const act = (action: LifecycleAction, more: object = {}): Promise<Run> =>
        api.completed("POST", `${path}/lifecycle`, { action, ...more });
      const fresh = await api.server(id);
      expect(fresh).toMatchObject({ state: "available", health: "healthy", activeRunId: null });
      expect(fresh.bmc.tls.fingerprint256).toBe(bmc.fingerprint256);

      await act("power-on");
      expect(await machine()).toMatchObject({ power: "On" });
      // An empty machine that is still in its self-test would boot the installer by itself as soon as it is put in.
      await expect.poll(machine, { timeout: 30_000 }).toMatchObject({ running: "halted" });
      await api.completed("POST", `${path}/inspect`, {});
      const { data: inventory } = await api.good<Record<string, unknown[]>>(
        "GET",
        `${path}/inventory`,
      );
      for (const part of ["processors", "memory", "drives"])
        expect(inventory[part]?.length, part).toBeGreaterThan(0);

      let count = 0;
      for (const completion of ["callback", "power-off", "boot-progress"] as const) {
        const run = await api.follow("POST", `${path}/provision`, { image, completion });
        expect(run.status, await api.story(run.id)).toBe("completed");
        const { evidence } = run.output as { readonly evidence: Completion };
        // Who cannot see a boot, or missed it, takes the installer's word.
        const accepted: readonly Completion[] =
          completion === "boot-progress"
            ? [...(kind.tellsBoots ? [completion] : []), "callback"]
            : [completion];
        expect(accepted).toContain(evidence);
        count += 1;
        expect(await api.server(id)).toMatchObject({ state: "ready", power: "on" });
        // One installation, no medium left in, nothing that would boot the installer again.
        const done = JSON.stringify(await world.lab.effects(bmc.name));
        expect(await installs(), `${done}\n${await api.story(run.id)}`).toBe(count);
        expect(await machine()).toMatchObject({
          media: {},
          power: "On",
          boot: { enabled: "Disabled" },
        });
        if (completion === "boot-progress") continue;
        await act("deprovision");
        expect(await api.server(id)).toMatchObject({ state: "available", power: "off" });
        expect(await machine()).toMatchObject({ media: {}, power: "Off" });
      }

      await act("power-cycle");
      expect(await machine()).toMatchObject({ power: "On" });
      const reboot = await act("reboot", { force: true });
      expect(reboot.output).toMatchObject({ already: false, powerBefore: "on" });
      expect((await act("power-on")).output).toMatchObject({ already: true });
      await act("identify-led-on");
      expect(await machine()).toMatchObject({ indicator: "Lit" });
      expect(await api.server(id)).toMatchObject({ indicator: "on" });
      await act("identify-led-off");
      expect(await machine()).toMatchObject({ indicator: "Off" });

      await act("enter-maintenance", { reason: "a new fan" });
      expect(await api.server(id)).toMatchObject({ state: "maintenance" });
      const refused = await api.ask("POST", `${path}/provision`, { body: { image } });
      expect([refused.status, refused.error?.code]).toEqual([409, "INVALID_STATE_TRANSITION"]);
      await act("exit-maintenance");
      expect(await api.server(id)).toMatchObject({ state: "ready" });
      await act("deprovision");
      expect(await api.server(id)).toMatchObject({ state: "available", power: "off" });

      const skip = kind.erases ? "" : "?skipErase=true&reason=its+disks+are+shredded";
      const gone = await api.completed("DELETE", `${path}${skip}`);
      expect(gone.output).toMatchObject({ erased: kind.erases });
      expect(await api.server(id)).toMatchObject({
        state: "decommissioned",
        activeRunId: null,
        erase: { state: kind.erases ? "erased" : "not erased" },
      });
      const { disks } = (await machine()) as { disks: { os: unknown; remains: boolean }[] };
      if (kind.erases) for (const disk of disks) expect(disk).toMatchObject({ remains: false });
      else expect(disks.some(({ remains }) => remains)).toBe(true);
      // The session at the BMC goes with the credentials.
      expect(await world.lab.sessions(bmc.name)).toBe(0);
    },
  );
});
