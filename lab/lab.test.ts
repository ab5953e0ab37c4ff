import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { present, tryBmc, tryLab, until } from "./clients/try-lab.ts";
import type { Entry, TryBmc, TryLab } from "./clients/try-lab.ts";
import { writeIso } from "./media/iso-writer.ts";

let lab: TryLab;

beforeAll(async () => {
  lab = await tryLab({ servers: 1, hasNamedFaults: true });
});
afterAll(() => lab.end());

const system = "/redfish/v1/Systems/System.Embedded.1";

interface Overview {
  readonly speed: number;
  readonly bmcs: readonly Entry[];
  readonly kubernetes: {
    readonly url: string;
    readonly kubeconfig: string;
    readonly kubeconfigFile: string;
  } | null;
  readonly images: readonly {
    readonly name: string;
    readonly url: string;
    readonly checksum: string;
  }[];
}

interface Effect {
  readonly target: string;
  readonly action: string;
  readonly key?: string;
  readonly detail: Record<string, unknown>;
}

interface Disk {
  readonly serial: string;
  readonly os: string | null;
}

async function effectsOf(name: string): Promise<readonly Effect[]> {
  return lab.control<Effect[]>("GET", `/_lab/effects?target=${name}`);
}

async function add(name: string, profile?: string): Promise<TryBmc> {
  const entry = await lab.control<Entry>("POST", "/_lab/bmcs", {
    name,
    ...(profile === undefined ? {} : { profile }),
  });
  return tryBmc(entry);
}

/** A web server as an installer needs it beside the lab: a config drive to read, and an ear for its call-back. */
async function surroundings(completion: string): Promise<{
  readonly drive: string;
  readonly heard: readonly unknown[];
  readonly close: () => void;
}> {
  const heard: unknown[] = [];
  let drive: Buffer = Buffer.alloc(0);
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        heard.push(JSON.parse(text));
        // The first delivery is lost: an installer tries again.
        response.writeHead(heard.length === 1 ? 500 : 204).end();
      });
      return;
    }
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    if (from === undefined) response.writeHead(200, { "content-length": drive.length }).end();
    else response.writeHead(206).end(drive.subarray(Number(from), Number(to) + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const metaData = JSON.stringify({
    millwright: { callbackUrl: `${origin}/callback`, completion },
  });
  const files = [{ name: "meta-data", content: metaData }];
  drive = writeIso({ label: "cidata", files, isBootable: false, sizeBytes: 0 });
  return { drive: `${origin}/seed.iso`, heard, close: () => server.close() };
}

async function insertAndBoot(bmc: TryBmc, images: readonly string[]): Promise<void> {
  for (const [index, image] of images.entries()) {
    const action = `${system}/VirtualMedia/${index + 1}/Actions/VirtualMedia.InsertMedia`;
    expect((await bmc.post(action, { Image: image })).status).toBe(204);
  }
  const boot = { BootSourceOverrideTarget: "Cd", BootSourceOverrideEnabled: "Once" };
  expect((await bmc.send("PATCH", system, { body: { Boot: boot } })).status).toBe(204);
  const answer = await bmc.send("POST", `${system}/Actions/ComputerSystem.Reset`, {
    body: { ResetType: "On" },
    headers: { "Idempotency-Key": "run-1/power" },
  });
  expect(answer.status).toBe(204);
}

async function installerUrl(): Promise<string> {
  const { images } = await lab.control<Overview>("GET", "/_lab");
  return present(images.find(({ name }) => name === "debian-13-installer")).url;
}

describe("the overview", () => {
  test("lists every BMC as it shows itself", async () => {
    const overview = await lab.control<Overview>("GET", "/_lab");
    expect(overview.kubernetes).toBeNull();
    expect(overview.bmcs.map(({ name }) => name)).toEqual([
      "lab-01-idrac9",
      "lab-bmc-flaky",
      "lab-bmc-dead",
      "lab-bmc-slow",
      "lab-bad-password",
      "lab-install-hangs",
      "lab-erase-fails",
      "lab-lies-about-power",
    ]);
    const healthy = tryBmc(present(overview.bmcs[0]));
    const answer = await healthy.get(system);
    expect(answer.status).toBe(200);
    expect(answer.fingerprint256).toBe(healthy.fingerprint256);
  });

  test("lists images that are served with ranges", async () => {
    const { images } = await lab.control<Overview>("GET", "/_lab");
    const url = present(images[0]).url;
    const head = await fetch(url, { method: "HEAD" });
    expect([
      head.status,
      head.headers.get("content-length"),
      head.headers.get("accept-ranges"),
    ]).toEqual([200, "1048576", "bytes"]);
    const part = await fetch(url, { headers: { range: "bytes=32769-32773" } });
    expect([part.status, await part.text()]).toEqual([206, "CD001"]);
    expect((await fetch(url, { headers: { range: "bytes=9999999-" } })).status).toBe(416);
  });
});

describe("a server's life over Redfish", () => {
  test("an installation reads its config drive, calls back until it is heard, and boots what it wrote", async () => {
    const bmc = await add("life-callback");
    const around = await surroundings("callback");
    await insertAndBoot(bmc, [await installerUrl(), around.drive]);
    await until(
      async () => (await bmc.get(system)).body,
      ({ BootProgress: progress }) => (progress as { LastState: string }).LastState === "OSRunning",
    );
    await until(
      () => Promise.resolve(around.heard.length),
      (count) => count === 2,
    );
    around.close();
    expect(around.heard).toEqual([{ status: "installed" }, { status: "installed" }]);
    const { disks } = await lab.control<{ disks: Disk[] }>("GET", `/_lab/bmcs/${bmc.name}`);
    expect(disks[0]?.os).toBe("debian-13");
    const actions = (await effectsOf(bmc.name)).map(({ action }) => action);
    for (const once of ["power-on", "install-started", "install-finished", "boot-override-used"]) {
      expect(actions.filter((action) => action === once)).toEqual([once]);
    }
    expect((await effectsOf(bmc.name)).find(({ action }) => action === "power-on")?.key).toBe(
      "run-1/power",
    );

    const log = await bmc.get("/redfish/v1/Managers/iDRAC.Embedded.1/LogServices/Lclog/Entries");
    expect(JSON.stringify(log.body)).toContain("Install finished: os debian-13");
  });

  test("one that shall power off does, and an unreachable image installs nothing", async () => {
    const bmc = await add("life-power-off");
    const around = await surroundings("power-off");
    await insertAndBoot(bmc, [await installerUrl(), around.drive]);
    await until(
      () => effectsOf(bmc.name),
      (effects) => effects.some(({ action }) => action === "powered-off"),
    );
    around.close();
    expect((await bmc.get(system)).body["PowerState"]).toBe("Off");

    const other = await add("life-unreachable");
    await insertAndBoot(other, ["http://127.0.0.1:9/none.iso"]);
    const effects = await until(
      () => effectsOf(other.name),
      (all) => all.some(({ action }) => action === "media-unreadable"),
    );
    expect(effects.map(({ action }) => action)).not.toContain("install-started");
  });

  test("an erased machine is as before, except for the proof", async () => {
    const before = await lab.control<{ machines: Record<string, unknown> }>(
      "GET",
      "/_lab/snapshot",
    );
    const again = await lab.control<{ machines: Record<string, unknown> }>("GET", "/_lab/snapshot");
    expect(again).toEqual(before);
    const bmc = await add("life-erase");
    const drive = `${system}/Storage/CPU.1/Drives/Disk.Bay.0:Enclosure.Internal.0-1`;
    await bmc.post(`${drive}/Actions/Drive.SecureErase`);
    await until(
      () => effectsOf(bmc.name),
      (effects) => effects.some(({ action }) => action === "erase-finished"),
    );
    const after = await lab.control<{ machines: Record<string, { disks: object[] }> }>(
      "GET",
      "/_lab/snapshot",
    );
    const { [bmc.name]: added, ...rest } = after.machines;
    expect(rest).toEqual(before.machines);
    expect(added?.disks[0]).toMatchObject({
      os: null,
      remains: false,
      erased: "CryptographicErase",
    });
  });
});

describe("faults by name", () => {
  test("flaky fails every third request, in two ways", async () => {
    const bmc = await add("try-bmc-flaky");
    const outcomes: string[] = [];
    for (let count = 0; count < 12; count += 1) {
      outcomes.push(
        await bmc.get(system).then(
          ({ status }) => String(status),
          () => "cut",
        ),
      );
    }
    expect(outcomes.filter((outcome) => outcome === "200")).toHaveLength(8);
    expect(outcomes.filter((outcome) => outcome === "503")).toHaveLength(2);
    expect(outcomes.filter((outcome) => outcome === "cut")).toHaveLength(2);
  });

  test("dead refuses the connection, slow takes its time, a bad password is refused", async () => {
    await expect((await lab.bmc("lab-bmc-dead")).get(system)).rejects.toThrow(/ECONNREFUSED/);
    const password = await (await lab.bmc("lab-bad-password")).get(system);
    expect(password.status).toBe(401);
    const slow = (await lab.bmc("lab-bmc-slow")).get("/redfish/v1/").then(() => "slow");
    const quick = (await lab.bmc("lab-01-idrac9")).get("/redfish/v1/").then(() => "quick");
    expect(await Promise.race([slow, quick])).toBe("quick");
    expect(await slow).toBe("slow");
  });

  test("the liar changes and says that it did not", async () => {
    const liar = await lab.bmc("lab-lies-about-power");
    await liar.post(`${system}/Actions/ComputerSystem.Reset`, { ResetType: "On" });
    await until(
      () => lab.control<{ power: string }>("GET", `/_lab/bmcs/${liar.name}`),
      ({ power }) => power === "On",
    );
    expect((await liar.get(system)).body["PowerState"]).toBe("Off");
  });

  test("a failed erase ends Completed and Critical, with the data still there", async () => {
    const bmc = await lab.bmc("lab-erase-fails");
    const drive = `${system}/Storage/CPU.1/Drives/Disk.Bay.0:Enclosure.Internal.0-1`;
    const asked = await bmc.post(`${drive}/Actions/Drive.SecureErase`);
    const task = await until(
      () => bmc.get(String(asked.headers["location"])),
      ({ body }) => body["TaskState"] !== "Running",
    );
    expect(task.body).toMatchObject({ TaskState: "Completed", TaskStatus: "Critical" });
  });
});

describe("faults by request", () => {
  const name = "lab-01-idrac9";
  const fault = (body: object): Promise<unknown> => lab.control("POST", "/_lab/faults", body);

  test("hit what they name, as often as they say, until they are cleared", async () => {
    const bmc = await lab.bmc(name);
    await fault({
      target: name,
      path: "^/redfish/v1/Systems",
      method: "GET",
      status: 500,
      times: 1,
    });
    expect((await bmc.get("/redfish/v1/Managers")).status).toBe(200);
    expect((await bmc.get("/redfish/v1/Systems")).status).toBe(500);
    expect((await bmc.get("/redfish/v1/Systems")).status).toBe(200);
    await fault({ status: 503 });
    const refused = await bmc.get("/redfish/v1/Systems");
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    await fault({ clear: true });
    expect((await bmc.get("/redfish/v1/Systems")).status).toBe(200);
  });

  test("a request that is cut after has been carried out, one that is cut before has not", async () => {
    const bmc = await add("cut-requests");
    const tag = async (): Promise<unknown> => (await bmc.get(system)).body["AssetTag"];
    const set = (assetTag: string): Promise<unknown> =>
      bmc.send("PATCH", system, { body: { AssetTag: assetTag } });
    await fault({ target: bmc.name, method: "PATCH", cut: true, times: 1 });
    await expect(set("before")).rejects.toThrow();
    expect(await tag()).toBe("");
    await fault({ target: bmc.name, method: "PATCH", cut: "after", times: 1 });
    await expect(set("after")).rejects.toThrow();
    expect(await tag()).toBe("after");
  });

  test.each([
    [{}, /one of status, delayMs and cut must be there/],
    [{ status: "500" }, /status: .*allowed: /],
    [{ path: "(", status: 500 }, /path: is not a regular expression/],
    [{ target: "nobody", status: 500 }, /there is no BMC called nobody/],
  ])("%j is refused with what is allowed", async (body, message) => {
    const answer = await lab.control<{ error: { message: string } }>("POST", "/_lab/faults", body);
    expect(answer.error.message).toMatch(message);
  });
});

describe("what a hand in the rack can do", () => {
  test("a BMC that restarts is away, comes back, and knows no session", async () => {
    const bmc = await add("restarted");
    const body = { UserName: bmc.username, Password: bmc.password };
    const session = await bmc.send("POST", "/redfish/v1/SessionService/Sessions", {
      auth: "none",
      body,
    });
    await bmc.post("/redfish/v1/Managers/iDRAC.Embedded.1/Actions/Manager.Reset", {
      ResetType: "GracefulRestart",
    });
    await expect(bmc.get(system)).rejects.toThrow();
    await until(
      () =>
        bmc.get(system).then(
          ({ status }) => status,
          () => 0,
        ),
      (status) => status === 200,
    );
    const headers = { "X-Auth-Token": String(session.headers["x-auth-token"]) };
    expect((await bmc.send("GET", system, { headers })).status).toBe(401);
  });

  test("a replaced certificate is another one, expired if asked for", async () => {
    const bmc = await add("new-certificate");
    const entry = await lab.control<Entry>("POST", `/_lab/bmcs/${bmc.name}/certificate`, {
      expired: true,
    });
    expect(entry.fingerprint256).not.toBe(bmc.fingerprint256);
    expect((await bmc.get("/redfish/v1/")).fingerprint256).toBe(entry.fingerprint256);
  });

  test("a pulled DIMM and a pulled disk are gone from the inventory until they are put back", async () => {
    const bmc = await add("pulled", "ilo6");
    await bmc.post("/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", { ResetType: "On" });
    const parts = `/_lab/bmcs/${bmc.name}/parts`;
    const { parts: all } = await lab.control<{ parts: { part: string }[] }>("GET", parts);
    const disk = present(all.find(({ part }) => part.startsWith("drive/"))).part;
    const drives = async (): Promise<unknown> =>
      (await bmc.get("/redfish/v1/Systems/1/Storage/DE00A000")).body["Drives@odata.count"];
    const full = await drives();
    await lab.control("POST", parts, { part: disk, isPresent: false });
    await lab.control("POST", parts, { part: "memory/proc1dimm1", isPresent: false });
    expect(await drives()).toBe(Number(full) - 1);
    const dimm = await bmc.get("/redfish/v1/Systems/1/Memory/proc1dimm1");
    expect(dimm.body).toMatchObject({ CapacityMiB: 0, Status: { State: "Absent" } });
    await lab.control("POST", parts, { part: disk, isPresent: true });
    expect(await drives()).toBe(full);
  });

  test("what the control API does not know, it explains", async () => {
    const missing = await lab.control<{ error: { message: string } }>("GET", "/_lab/nothing");
    expect(missing.error.message).toContain("/_lab/effects");
    const again = await lab.control<{ error: { message: string } }>("POST", "/_lab/bmcs", {
      name: "lab-01-idrac9",
    });
    expect(again.error.message).toBe("there is a BMC called lab-01-idrac9 already");
  });
});

describe("the cluster of a lab", () => {
  test("is told in the overview, in the effects and in the snapshot, and outlives a restart", async () => {
    const first = await tryLab({ servers: 0, hasKubernetes: true });
    const { kubernetes } = await first.control<Overview>("GET", "/_lab");
    const config = JSON.parse(kubernetes?.kubeconfig ?? "") as KubeconfigFile;
    const file = kubernetes?.kubeconfigFile ?? "";
    expect(readFileSync(file, "utf8")).toBe(kubernetes?.kubeconfig);
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
    const token = config.users[0]?.user.token ?? "";
    const ca = Buffer.from(
      config.clusters[0]?.cluster["certificate-authority-data"] ?? "",
      "base64",
    );
    const place = "/api/v1/namespaces/default/configmaps";
    const create = { method: "POST", token, ca, key: "run_1/step" };
    const body = { metadata: { name: "motd" }, data: { text: "hello" } };
    expect(await send(`${kubernetes?.url}${place}`, { ...create, body })).toBe(201);
    const effects = await first.control<Effect[]>(
      "GET",
      "/_lab/effects?target=ConfigMap/default/motd",
    );
    expect(effects).toMatchObject([{ action: "create", key: "run_1/step" }]);
    const shown = { "ConfigMap default/motd": { data: { text: "hello" } } };
    const before = await first.control<Snapshot>("GET", "/_lab/snapshot");
    expect(before.kubernetes).toMatchObject(shown);
    await first.lab.close();

    const second = await tryLab({ servers: 0, hasKubernetes: true, dataDir: first.dataDir });
    const again = await second.control<Overview>("GET", "/_lab");
    expect(again.kubernetes).toEqual(kubernetes);
    const later = await second.control<Snapshot>("GET", "/_lab/snapshot");
    expect(later.kubernetes).toMatchObject(shown);
    const path = `${kubernetes?.url}${place}/motd`;
    const fault = { method: "DELETE", status: 503, times: 1 };
    await second.control<unknown>("POST", "/_lab/kubernetes/faults", fault);
    expect(await send(path, { method: "DELETE", token, ca })).toBe(503);
    expect(await send(path, { method: "DELETE", token, ca })).toBe(200);
    const last = await second.control<Snapshot>("GET", "/_lab/snapshot");
    expect(last.kubernetes).not.toHaveProperty(["ConfigMap default/motd"]);
    await second.end();
  });
});

interface Snapshot {
  readonly kubernetes: Readonly<Record<string, unknown>>;
}

interface KubeconfigFile {
  readonly clusters: readonly {
    readonly cluster: { readonly "certificate-authority-data": string };
  }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

/** Sends one request to the API server; returns the status of its answer. */
function send(
  url: string,
  asked: {
    readonly method: string;
    readonly token: string;
    readonly ca: Buffer;
    readonly key?: string;
    readonly body?: unknown;
  },
): Promise<number> {
  const { method, token, ca, key, body } = asked;
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...(key === undefined ? {} : { "idempotency-key": key }),
  };
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method, ca, headers, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    request.on("error", reject);
    request.end(text);
  });
}
