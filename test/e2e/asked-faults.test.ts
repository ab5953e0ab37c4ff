import { createServer } from "node:https";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, it } from "vitest";
import { makeCertificate } from "#drivers/redfish/testing/certificate.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import {
  type Api,
  imageOf,
  registration,
  serverPath,
  serversPath,
  summary,
} from "#test/processes/api.ts";
import type { LabBmc } from "#test/processes/lab.ts";

/** What goes wrong between us and a sound machine: other certificates, no room, nonsense, the same machine again. */

let world: ProcessWorld;
let api: Api;

beforeAll(async () => {
  world = await openProcessWorld({ servers: 6, speed: 150 });
  const dataDir = await world.dataDir();
  const env = { MILLWRIGHT_PACE: "30", MILLWRIGHT_LOG_LEVEL: "silent" };
  api = world.api(await world.start(world.env(dataDir, env)), dataDir);
}, 180_000);
afterAll(() => world.close());

/** Logs in at a BMC as some other program would; the status. */
const logIn = (bmc: LabBmc): Promise<number> =>
  new Promise((resolve, reject) => {
    const body = JSON.stringify({ UserName: bmc.username, Password: bmc.password });
    const headers = { "content-type": "application/json", "content-length": body.length };
    const asked = request(
      `${bmc.address}/redfish/v1/SessionService/Sessions`,
      { method: "POST", headers, rejectUnauthorized: false },
      (answer) => {
        answer.resume();
        answer.once("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    asked.once("error", reject);
    asked.end(body);
  });

describe.concurrent("a machine", { timeout: 240_000 }, () => {
  it("whose certificate changed is told nothing", async ({ expect }) => {
    const bmc = world.lab.bmcs[0]!;
    const { resourceId } = await api.completed("POST", serversPath, registration(bmc));
    const path = serverPath(resourceId);
    await world.lab.post(`bmcs/${bmc.name}/certificate`);
    const before = await world.lab.effects(bmc.name);
    const body = { image: imageOf(world.lab.image("iso")) };
    const asked = [
      ["POST", `${path}/lifecycle`, { action: "power-on" }, "validate"],
      ["POST", `${path}/provision`, body, "validate"],
      ["POST", `${path}/inspect`, {}, "read-inventory"],
    ] as const;
    for (const [method, target, given, step] of asked) {
      const run = await api.follow(method, target, given);
      expect(run.error, summary(run)).toMatchObject({ code: "BMC_CERTIFICATE_CHANGED", step });
      expect(run.attention).toBeNull();
    }
    expect(await world.lab.effects(bmc.name)).toEqual(before);
    // Nobody but the administrator who pinned it can say whether the new one is right.
    const { state, activeRunId } = await api.server(resourceId);
    expect([state, activeRunId]).toEqual(["available", null]);
  });

  it("is not touched for an image that is not the promised one", async ({ expect }) => {
    const bmc = world.lab.bmcs[5]!;
    const { resourceId } = await api.completed("POST", serversPath, registration(bmc));
    const before = await world.lab.effects(bmc.name);
    const image = world.lab.image("iso");
    const expected = "0".repeat(64);
    const body = { image: imageOf({ ...image, checksum: expected }) };
    const run = await api.follow("POST", `${serverPath(resourceId)}/provision`, body);
    expect(run.error, summary(run)).toMatchObject({
      code: "IMAGE_INVALID",
      step: "validate",
      details: { checksumType: "sha256", expected, actual: image.checksum },
    });
    expect(await world.lab.effects(bmc.name)).toEqual(before);
    expect((await api.server(resourceId)).state).toBe("available");
  });

  it("that has no session left is worked with without one", async ({ expect }) => {
    const bmc = world.lab.bmcs[1]!;
    let status = 201;
    for (let count = 0; status === 201 && count < 100; count += 1) status = await logIn(bmc);
    expect(status).not.toBe(201);
    const full = await world.lab.sessions(bmc.name);
    expect(full).toBeGreaterThan(1);
    const run = await api.completed("POST", serversPath, registration(bmc));
    expect(run.status).toBe("completed");
    // Nobody else's session was ended to make room.
    expect(await world.lab.sessions(bmc.name)).toBe(full);
  });

  it("that answers nonsense is not taken for a BMC", async ({ expect }) => {
    const { key, cert } = await makeCertificate("printer");
    const printer = createServer({ key, cert }, (_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html>PC LOAD LETTER</html>");
    });
    await new Promise<void>((resolve) => printer.listen(0, "127.0.0.1", resolve));
    world.onClose(() => printer.close());
    const address = `https://127.0.0.1:${(printer.address() as AddressInfo).port}`;
    const body = { bmcAddress: address, username: "admin", password: "admin" };
    const run = await api.follow("POST", serversPath, body);
    expect(run.error, summary(run)).toMatchObject({
      code: "BMC_INVALID_RESPONSE",
      step: "connect",
    });
    expect((await api.ask("GET", serverPath(run.resourceId))).status).toBe(404);
  });

  it("whose answers are lost half-way is asked again, and does nothing twice", async ({
    expect,
  }) => {
    const bmc = world.lab.bmcs[2]!;
    const body = registration(bmc, { inspect: false });
    const { resourceId } = await api.completed("POST", serversPath, body);
    // The machine switches on, and the answer that would say so is cut.
    await world.lab.fault({
      target: bmc.name,
      path: "Reset",
      method: "POST",
      cut: "after",
      times: 1,
    });
    const run = await api.completed("POST", `${serverPath(resourceId)}/lifecycle`, {
      action: "power-on",
    });
    expect(await world.lab.snapshot(bmc.name)).toMatchObject({ power: "On" });
    const effects = await world.lab.effects(bmc.name);
    const switched = effects.filter(({ action }) => action === "power-on");
    expect(switched).toHaveLength(1);
    expect(switched[0]?.key).toBe(`${run.id}/apply`);
  });

  it("registered twice is one server", async ({ expect }) => {
    const bmc = world.lab.bmcs[3]!;
    const first = await api.completed("POST", serversPath, registration(bmc));
    const second = await api.follow("POST", serversPath, registration(bmc));
    expect(second.error, summary(second)).toMatchObject({
      code: "DUPLICATE_SERVER",
      step: "identify",
      details: { serverId: first.resourceId },
    });
    expect((await api.ask("GET", serverPath(second.resourceId))).status).toBe(404);
  });

  it("registered twice at the same moment is one server too", async ({ expect }) => {
    const bmc = world.lab.bmcs[4]!;
    const runs = await Promise.all(
      [1, 2, 3].map(() => api.follow("POST", serversPath, registration(bmc, { inspect: false }))),
    );
    const made = runs.filter(({ status }) => status === "completed");
    const codes = runs.flatMap(({ error }) => (error === null ? [] : [error.code]));
    expect(made.length, runs.map(summary).join("\n")).toBe(1);
    expect(codes).toEqual(["DUPLICATE_SERVER", "DUPLICATE_SERVER"]);
    for (const { resourceId, status } of runs)
      expect((await api.ask("GET", serverPath(resourceId))).status).toBe(
        status === "completed" ? 200 : 404,
      );
  });
});
