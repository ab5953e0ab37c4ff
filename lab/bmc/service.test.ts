import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { present, tryLab, until } from "#lab/clients/try-lab.ts";
import type { Response, TryBmc, TryLab } from "#lab/clients/try-lab.ts";

let lab: TryLab;
const bmcs = new Map<string, TryBmc>();

beforeAll(async () => {
  lab = await tryLab();
  for (const { name } of lab.lab.bmcs) bmcs.set(name.replace(/^lab-\d+-/, ""), await lab.bmc(name));
});
afterAll(() => lab.end());

function bmc(profile: string): TryBmc {
  return present(bmcs.get(profile));
}

/** The first message's id, which is what clients match on. */
function messageId(response: Response): unknown {
  const error = response.body["error"] as
    | { "@Message.ExtendedInfo": { MessageId: string }[] }
    | undefined;
  return error?.["@Message.ExtendedInfo"][0]?.MessageId;
}

const sessions = "/redfish/v1/SessionService/Sessions";
const dell = "/redfish/v1/Systems/System.Embedded.1";

describe("without credentials", () => {
  test.each(["/redfish", "/redfish/v1/", "/redfish/v1/odata", "/redfish/v1/$metadata"])(
    "%s is open",
    async (path) => {
      const answer = await bmc("idrac9").send("GET", path, { auth: "none" });
      expect(answer.status).toBe(200);
      expect(answer.headers["odata-version"]).toBe("4.0");
    },
  );

  test("everything else is 401, with a challenge unless the vendor hides Basic", async () => {
    const dellAnswer = await bmc("idrac9").send("GET", dell, { auth: "none" });
    expect(dellAnswer.status).toBe(401);
    expect(messageId(dellAnswer)).toBe("Base.1.13.NoValidSession");
    expect(dellAnswer.headers["www-authenticate"]).toContain("Basic");
    const hpeAnswer = await bmc("ilo6").send("GET", "/redfish/v1/Systems/1", { auth: "none" });
    expect(hpeAnswer.status).toBe(401);
    expect(hpeAnswer.headers["www-authenticate"]).toBeUndefined();
  });

  test("even a path that does not exist is 401", async () => {
    expect((await bmc("idrac9").send("GET", "/redfish/v1/Nowhere", { auth: "none" })).status).toBe(
      401,
    );
  });
});

describe("sessions", () => {
  const login = (on: TryBmc): Promise<Response> =>
    on.send("POST", sessions, {
      auth: "none",
      body: { UserName: on.username, Password: on.password },
    });

  test("are created with a token, used, and end by DELETE", async () => {
    const made = await login(bmc("openbmc"));
    expect(made.status).toBe(201);
    const token = String(made.headers["x-auth-token"]);
    const location = String(made.headers["location"]);
    expect(made.body["@odata.id"]).toBe(location);
    const headers = { "X-Auth-Token": token };
    expect((await bmc("openbmc").send("GET", "/redfish/v1/Systems", { headers })).status).toBe(200);
    expect((await bmc("openbmc").send("DELETE", location, { headers })).status).toBe(204);
    expect((await bmc("openbmc").send("GET", "/redfish/v1/Systems", { headers })).status).toBe(401);
    const open = await lab.control<{ count: number }>(
      "GET",
      `/_lab/bmcs/${bmc("openbmc").name}/sessions`,
    );
    expect(open.count).toBe(0);
  });

  test("a wrong password is 401", async () => {
    const { send, username } = bmc("openbmc");
    const answer = await send("POST", sessions, {
      auth: "none",
      body: { UserName: username, Password: "no" },
    });
    expect(answer.status).toBe(401);
    expect(messageId(answer)).toBe("Base.1.19.ResourceAtUriUnauthorized");
  });

  test("beyond the limit an iDRAC answers 503 RAC0218", async () => {
    const all: Response[] = [];
    for (let count = 0; count < 9; count += 1) all.push(await login(bmc("idrac9")));
    expect(all.map(({ status }) => status)).toEqual([...Array<number>(8).fill(201), 503]);
    expect(messageId(present(all[8]))).toBe("IDRAC.2.8.RAC0218");
  });

  test("three wrong passwords lock a Supermicro account even for the right one", async () => {
    const { send, username, password } = bmc("x13");
    for (const wrong of ["a", "b", "c"]) {
      await send("POST", sessions, { auth: "none", body: { UserName: username, Password: wrong } });
    }
    const right = await send("POST", sessions, {
      auth: "none",
      body: { UserName: username, Password: password },
    });
    expect(right.status).toBe(401);
    await lab.control("POST", `/_lab/bmcs/${bmc("x13").name}/restart`);
    const again = await until(
      () =>
        bmc("x13")
          .get("/redfish/v1/Systems")
          .catch(() => undefined),
      (answer) => answer?.status === 200,
    );
    expect(again?.status).toBe(200);
  });
});

describe("requests that are wrong", () => {
  test("an unknown path is 404 and an unknown method 405 with Allow", async () => {
    const missing = await bmc("idrac9").get("/redfish/v1/Systems/2");
    expect([missing.status, messageId(missing)]).toEqual([404, "Base.1.13.ResourceMissingAtURI"]);
    const refused = await bmc("idrac9").send("DELETE", dell);
    expect([refused.status, refused.headers["allow"]]).toEqual([405, "GET, HEAD, PATCH"]);
  });

  test("an action with a slash too many is 405", async () => {
    const answer = await bmc("idrac9").post(`${dell}/Actions/ComputerSystem.Reset/`, {
      ResetType: "On",
    });
    expect(answer.status).toBe(405);
  });

  test("a body that is no JSON is refused in the vendor's way", async () => {
    const reset = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
    const supermicro = await bmc("x13").send("POST", reset, { rawBody: '{"ResetType":' });
    expect([supermicro.status, supermicro.text]).toEqual([400, "400 Bad Request"]);
    const hpe = await bmc("ilo6").send("POST", reset);
    expect(hpe.status).toBe(415);
  });

  test("a value outside the list names itself", async () => {
    const answer = await bmc("idrac9").post(`${dell}/Actions/ComputerSystem.Reset`, {
      ResetType: "ForceOn",
    });
    expect([answer.status, messageId(answer)]).toEqual([
      400,
      "Base.1.13.ActionParameterValueNotInList",
    ]);
  });

  test("a query that is not supported is 501, one that is announced works", async () => {
    expect((await bmc("ilo6").get("/redfish/v1/Systems?$expand=*")).status).toBe(501);
    const expanded = await bmc("ilo6").get("/redfish/v1/Systems?$expand=.");
    const [member] = expanded.body["Members"] as { PowerState?: string }[];
    expect(member?.PowerState).toBe("Off");
  });
});

describe("addresses", () => {
  test("iLO 5 ends every URI with a slash and redirects one without", async () => {
    const redirected = await bmc("ilo5").get("/redfish/v1/Systems/1");
    expect([redirected.status, redirected.headers["location"]]).toEqual([
      308,
      "/redfish/v1/Systems/1/",
    ]);
    const answer = await bmc("ilo5").get("/redfish/v1/Systems/1/");
    expect(answer.body["@odata.id"]).toBe("/redfish/v1/Systems/1/");
    expect(JSON.stringify(answer.body)).toContain(
      '"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset/"',
    );
  });

  test("iLO 6 normalises double slashes and ignores case, others do not", async () => {
    expect((await bmc("ilo6").get("/redfish/v1//Systems/1")).status).toBe(308);
    expect((await bmc("ilo6").get("/redfish/v1/systems/1/BIOS")).status).toBe(200);
    expect((await bmc("xcc").get("/redfish/v1/systems/1")).status).toBe(404);
  });

  test("outside of Redfish there is a web page", async () => {
    const page = await bmc("xcc").send("GET", "/", { auth: "none" });
    expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  });

  test("a collection longer than a page goes on at a relative nextLink", async () => {
    const sensors = "/redfish/v1/Chassis/System.Embedded.1/Sensors";
    const first = await bmc("idrac9").get(sensors);
    const firstMembers = first.body["Members"] as { "@odata.id": string }[];
    expect(firstMembers).toHaveLength(50);
    expect(first.body["Members@odata.nextLink"]).toBe(`${sensors}?$skip=50`);
    const second = await bmc("idrac9").get(`${sensors}?$skip=50`);
    const all = [...firstMembers, ...(second.body["Members"] as { "@odata.id": string }[])];
    expect(new Set(all.map((member) => member["@odata.id"])).size).toBe(
      first.body["Members@odata.count"],
    );
    expect(second.body["Members@odata.nextLink"]).toBeUndefined();
  });
});

describe("ETags", () => {
  const system = "/redfish/v1/Systems/1";
  const patch = (on: TryBmc, assetTag: string, ifMatch?: string): Promise<Response> =>
    on.send("PATCH", system, {
      body: { AssetTag: assetTag },
      ...(ifMatch === undefined ? {} : { headers: { "If-Match": ifMatch } }),
    });

  test("Lenovo demands If-Match: 428 without, 412 with an old one", async () => {
    const etag = String((await bmc("xcc").get(system)).headers["etag"]);
    expect((await patch(bmc("xcc"), "a")).status).toBe(428);
    expect((await patch(bmc("xcc"), "a", etag)).status).toBe(204);
    expect((await patch(bmc("xcc"), "b", etag)).status).toBe(412);
  });

  test("iLO sends weak ones in header and body, and takes them back", async () => {
    const read = await bmc("ilo6").get(system);
    const etag = String(read.headers["etag"]);
    expect(etag).toMatch(/^W\/"/);
    expect(read.body["@odata.etag"]).toBe(etag);
    expect((await patch(bmc("ilo6"), "a", etag)).status).toBe(200);
    expect((await patch(bmc("ilo6"), "b", etag)).status).toBe(412);
  });

  test("OpenBMC sends none and ignores If-Match", async () => {
    const path = "/redfish/v1/Systems/system";
    expect((await bmc("openbmc").get(path)).headers["etag"]).toBeUndefined();
    const answer = await bmc("openbmc").send("PATCH", path, {
      body: { AssetTag: "x" },
      headers: { "If-Match": '"old"' },
    });
    expect(answer.status).toBe(204);
  });
});

describe("boot overrides", () => {
  test("a Supermicro resets what is not sent", async () => {
    const system = "/redfish/v1/Systems/1";
    const body = {
      Boot: { BootSourceOverrideTarget: "Pxe", BootSourceOverrideEnabled: "Continuous" },
    };
    await bmc("x13").send("PATCH", system, { body });
    await bmc("x13").send("PATCH", system, { body: { Boot: { BootSourceOverrideTarget: "Hdd" } } });
    const { Boot: boot } = (await bmc("x13").get(system)).body as { Boot: Record<string, unknown> };
    expect(boot).toMatchObject({
      BootSourceOverrideTarget: "Hdd",
      BootSourceOverrideEnabled: "Once",
    });
  });

  test("a DGX takes them only in /SD, and only all three together", async () => {
    const system = "/redfish/v1/Systems/DGX";
    const all = {
      BootSourceOverrideTarget: "Cd",
      BootSourceOverrideEnabled: "Once",
      BootSourceOverrideMode: "UEFI",
    };
    const put = (path: string, boot: object): Promise<Response> =>
      bmc("dgx").send("PATCH", path, { body: { Boot: boot }, headers: { "If-Match": "*" } });
    expect((await put(system, all)).status).toBe(400);
    const { BootSourceOverrideMode: _, ...two } = all;
    expect(messageId(await put(`${system}/SD`, two))).toBe("Base.1.14.PropertyMissing");
    expect((await put(`${system}/SD`, all)).status).toBe(204);
    expect((await bmc("dgx").get(system)).body["Boot"]).toMatchObject(all);
  });

  test("an iLO refuses them during the self-test, and Once without a target always", async () => {
    const system = "/redfish/v1/Systems/1";
    const once = { Boot: { BootSourceOverrideEnabled: "Once" } };
    expect((await bmc("ilo6").send("PATCH", system, { body: once })).status).toBe(400);
  });
});

describe("virtual media", () => {
  const image = "http://127.0.0.1:9/never-read.iso";

  test("are inserted by PATCH on XCC, which has no actions", async () => {
    const slot = "/redfish/v1/Systems/1/VirtualMedia/EXT1";
    const read = await bmc("xcc").get(slot);
    expect(read.body["Actions"]).toBeUndefined();
    expect(read.headers["allow"]).toContain("PATCH");
    const put = (body: object): Promise<Response> =>
      bmc("xcc").send("PATCH", slot, { body, headers: { "If-Match": "*" } });
    expect((await put({ Image: image })).status).toBe(400);
    expect((await put({ Image: image, Inserted: true, WriteProtected: true })).status).toBe(200);
    const other = await bmc("xcc").get("/redfish/v1/Managers/1/VirtualMedia/EXT1");
    expect(other.body).toMatchObject({ Image: image, Inserted: true, ConnectedVia: "URI" });
    expect((await put({ Image: null, Inserted: false })).status).toBe(200);
    expect((await bmc("xcc").get(slot)).body).toMatchObject({ Image: null, Inserted: false });
  });

  test("an iDRAC shows one slot in two places and refuses a second image in it", async () => {
    const onSystem = `${dell}/VirtualMedia/1`;
    const onManager = "/redfish/v1/Managers/iDRAC.Embedded.1/VirtualMedia/CD";
    const insert = (path: string, url: string): Promise<Response> =>
      bmc("idrac9").post(`${path}/Actions/VirtualMedia.InsertMedia`, { Image: url });
    expect((await insert(onSystem, image)).status).toBe(204);
    expect((await bmc("idrac9").get(onManager)).body["Image"]).toBe(image);
    expect((await insert(onManager, `${image}2`)).status).toBe(500);
    expect((await bmc("idrac9").post(`${onManager}/Actions/VirtualMedia.EjectMedia`)).status).toBe(
      204,
    );
    expect((await bmc("idrac9").post(`${onSystem}/Actions/VirtualMedia.EjectMedia`)).status).toBe(
      500,
    );
  });

  test("an empty iLO slot has the empty string as its image", async () => {
    expect((await bmc("ilo6").get("/redfish/v1/Managers/1/VirtualMedia/2")).body["Image"]).toBe("");
  });
});

describe("what is already so", () => {
  const off = { ResetType: "ForceOff" };

  test("is 409 on Dell, 400 on HPE, a success on Lenovo, and logged nowhere", async () => {
    const answers = [
      await bmc("idrac9").post(`${dell}/Actions/ComputerSystem.Reset`, off),
      await bmc("ilo6").post("/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", off),
      await bmc("xcc").post("/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", off),
    ];
    expect(answers.map(({ status }) => status)).toEqual([409, 400, 204]);
    expect(messageId(present(answers[1]))).toBe("iLO.2.25.InvalidOperationForSystemState");
    const effects = await lab.control<{ action: string }[]>("GET", "/_lab/effects");
    expect(effects.filter(({ action }) => action === "power-off")).toEqual([]);
  });
});

describe("erasing a drive", () => {
  test("on iDRAC is a task in Location that ends Completed", async () => {
    const drive = `${dell}/Storage/CPU.1/Drives/Disk.Bay.0:Enclosure.Internal.0-1`;
    const asked = await bmc("idrac9").post(`${drive}/Actions/Drive.SecureErase`);
    expect(asked.status).toBe(202);
    const location = String(asked.headers["location"]);
    expect(location).toMatch(/\/TaskService\/Tasks\/JID_\d+$/);
    const task = await until(
      () => bmc("idrac9").get(location),
      ({ body }) => body["TaskState"] !== "Running",
    );
    expect(task.body).toMatchObject({
      TaskState: "Completed",
      TaskStatus: "OK",
      PercentComplete: 100,
    });
  });

  test("on OpenBMC is a monitor: 202 while it runs, then the answer, and 404 when it is forgotten", async () => {
    const drive = "/redfish/v1/Systems/system/Storage/1/Drives/nvme0";
    const asked = await bmc("openbmc").post(`${drive}/Actions/Drive.SecureErase`, {
      SanitizationType: "CryptographicErase",
    });
    expect(asked.status).toBe(202);
    const monitor = String(asked.headers["location"]);
    expect(monitor).toContain("/TaskMonitors/");
    const final = await until(
      () => bmc("openbmc").get(monitor),
      ({ status }) => status !== 202,
    );
    expect(final.status).toBe(200);
    const gone = await until(
      () => bmc("openbmc").get(monitor),
      ({ status }) => status !== 200,
    );
    expect(gone.status).toBe(404);
  });

  test("is not offered by Lenovo, and an iLO that is off does not show its drives", async () => {
    const lenovo = await bmc("xcc").get(
      "/redfish/v1/Systems/1/Storage/Direct_Attached_NVMe/Drives/Drive.Bay_0",
    );
    expect(lenovo.body["Actions"]).toBeUndefined();
    const hpe = await bmc("ilo6").get("/redfish/v1/Systems/1/Storage/DE00A000");
    expect([hpe.status, messageId(hpe)]).toEqual([400, "iLO.2.25.ResourceNotReadyRetry"]);
  });
});

describe("accounts", () => {
  test("a new password is the one that counts", async () => {
    const account = "/redfish/v1/AccountService/Accounts/root";
    const gb200 = bmc("gb200");
    const changed = await gb200.send("PATCH", account, { body: { Password: "another-one" } });
    expect(changed.status).toBe(204);
    expect((await gb200.get(account)).status).toBe(401);
    const authorization = `Basic ${Buffer.from("root:another-one").toString("base64")}`;
    const back = await gb200.send("PATCH", account, {
      body: { Password: gb200.password },
      headers: { authorization },
    });
    expect(back.status).toBe(204);
    expect((await gb200.get(account)).body["Password"]).toBeNull();
  });
});
