import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { hostName } from "#contract/host-name.ts";
import { type ClusterId, type RunId, type ServerId } from "#contract/ids.ts";
import type { ClusterRef, HostPoolPort, KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { HostPort, HostRef, HostState } from "#drivers/host-ports.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { createKubernetes, type Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import { type Kind, Meta } from "#drivers/kubernetes/object.ts";
import { createHostPool } from "#drivers/metal3/host-pool.ts";
import { secretKind } from "#drivers/kubernetes/secret.ts";
import { createMetal3 } from "#drivers/metal3/metal3.ts";
import { readCrdFolder } from "#lab/kubernetes/schema/crd.ts";
import type { JsonObject } from "#lab/kubernetes/schema/json.ts";
import { prune } from "#lab/kubernetes/schema/prune.ts";
import { validate } from "#lab/kubernetes/schema/validate.ts";
import { systemClock } from "#platform/clock.ts";
import { createIds } from "#platform/ids.ts";
import { type LabBmc, type LabProcess, startLabProcess } from "./saga/lab-process.ts";
import { outcome, until, userData } from "./kubernetes-world.ts";

/** What the ports of hosts and of their pool promise, held against the lab's Metal3 and its machines. */

const crds = "../shared/crds/metal3-baremetal-operator";
const definitions = existsSync(crds) ? readCrdFolder(crds) : [];

const ids = createIds(() => systemClock.now());
const run: RunId = ids.run();
const other: RunId = ids.run();
const writing = (by: RunId = run): KubernetesWrite => ({
  signal: AbortSignal.timeout(60_000),
  run: by,
  key: `${by}/step`,
});

const AnyHost = z.looseObject({ metadata: Meta, spec: z.looseObject({}) });
const anyHosts: Kind<z.infer<typeof AnyHost>> = {
  group: "metal3.io",
  versions: ["v1alpha1"],
  kind: "BareMetalHost",
  plural: "baremetalhosts",
  schema: AnyHost,
};

let lab: LabProcess;
let kubernetes: Kubernetes;
let port: HostPort;
let pool: HostPoolPort;
let client: KubernetesClient;
const place = { managementCluster: "lab-admin", namespace: "default" } as const;
const logins = new Map<string, string>();

beforeAll(async () => {
  lab = await startLabProcess({ speed: 1_200, servers: 0 });
  if (lab.kubeconfig === null) throw new Error("the lab has no management cluster");
  const reveal = (secret: string): Promise<string> =>
    Promise.resolve(logins.get(secret) ?? userData);
  kubernetes = await createKubernetes({
    kubeconfig: { text: lab.kubeconfig },
    clock: systemClock,
    log: () => undefined,
    random: Math.random,
    reveal,
  });
  client = kubernetes.clients.at(place);
  port = createMetal3({ clients: kubernetes.clients, reveal });
  pool = createHostPool(kubernetes.clients);
});
afterAll(async () => {
  kubernetes.close();
  await lab.stop();
});

const refTo = (id: ServerId): HostRef => ({ id, place, name: hostName(id) });

function wantedFor(bmc: LabBmc, more: Partial<LabBmc> = {}) {
  const { address, username, password } = { ...bmc, ...more };
  const credentials = ids.secret();
  logins.set(credentials, JSON.stringify({ username, password }));
  return {
    bmc: { address, credentials, tls: { mode: "pin", fingerprint256: bmc.fingerprint256 } },
    systemPath: "/redfish/v1/Systems/System.Embedded.1",
    vendor: "dell",
    bootMacAddress: null,
    bootMode: "UEFI",
    online: false,
    labels: { rack: "a12" },
  } as const;
}

const reached = (
  host: HostRef,
  isRight: (state: HostState) => boolean,
): Promise<HostState | null> =>
  until(
    () => port.read(host, writing()),
    (state) => state !== null && isRight(state),
  );
const is = (host: HostRef, state: string) => reached(host, (seen) => seen.state === state);

let machines = 0;
async function enrolled(ending = "well"): Promise<{ host: HostRef; bmc: LabBmc }> {
  machines += 1;
  const bmc = await lab.add(`m${machines}-${ending}`, "idrac9");
  const host = refTo(ids.server());
  await port.enroll(host, wantedFor(bmc), writing());
  return { host, bmc };
}

async function available(ending?: string): Promise<{ host: HostRef; bmc: LabBmc }> {
  const made = await enrolled(ending);
  await reached(made.host, ({ state, power }) => state === "available" && power === "off");
  return made;
}

const raw = async (host: HostRef): Promise<JsonObject> => {
  const at = { namespace: place.namespace, name: host.name };
  return (await client.read(anyHosts, at, writing())) ?? {};
};

/** What the operator's own definition says against the host as it stands there. */
async function wrongWith(host: HostRef): Promise<readonly string[]> {
  const found = definitions.find(({ kind }) => kind === "BareMetalHost");
  const schema = found?.versions[0]?.schema;
  if (schema === undefined) return [];
  const pruned = prune(schema, await raw(host));
  return [
    ...pruned.unknown,
    ...validate(schema, pruned.object).map(({ field, message }) => `${field}: ${message}`),
  ];
}

const secretsOf = async (host: HostRef): Promise<readonly string[]> =>
  (await client.list(secretKind, { namespace: place.namespace }, writing()))
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith(host.name))
    .toSorted();

const image = {
  url: "http://127.0.0.1/debian-13.qcow2",
  format: "qcow2",
  checksum: "ab".repeat(32),
  checksumType: "sha256",
} as const;

const take = (host: HostRef, consumer: object | null): Promise<unknown> =>
  client.patch(
    anyHosts,
    { namespace: place.namespace, name: host.name },
    [
      consumer === null
        ? { op: "remove", path: "/spec/consumerRef" }
        : { op: "add", path: "/spec/consumerRef", value: consumer },
    ],
    writing(),
  );

const aMachine = {
  apiVersion: "infrastructure.cluster.x-k8s.io/v1beta1",
  kind: "Metal3Machine",
  name: "somebody",
  namespace: "default",
};

describe.concurrent("a host", { timeout: 60_000 }, () => {
  it("is taken in, inspected, written, cleaned and let go; nothing twice", async () => {
    const bmc = await lab.add("life", "idrac9");
    const host = refTo(ids.server());
    const wanted = wantedFor(bmc);
    expect(await port.read(host, writing())).toBeNull();
    expect(await port.readInventory(host, writing())).toBeNull();
    expect(await port.unenroll(host, writing())).toBe("gone");
    expect(await port.enroll(host, wanted, writing())).toBe("asked");
    expect(await port.enroll(host, wanted, writing())).toBe("already");
    const first = await is(host, "available");
    expect(first).toMatchObject({ deleting: false, imageOf: null, cleanedAt: null, error: null });
    expect(await raw(host)).toMatchObject({
      metadata: { labels: { rack: "a12", "millwright.dev/resource": host.id } },
      spec: { bmc: { disableCertificateVerification: true } },
    });
    const found = await port.readInventory(host, writing());
    expect(found?.drives.length).toBeGreaterThan(0);
    expect(found?.system.serial).toEqual(expect.any(String));

    expect(await port.inspect(host, writing())).toBe("asked");
    expect(await port.inspect(host, writing())).toBe("already");
    await reached(host, (seen) => !seen.inspectionPending);
    await is(host, "available");
    expect(await port.inspect(host, writing())).toBe("already");
    expect(await port.read(host, writing())).toMatchObject({ inspectionOf: run });

    const staged = { userData: ids.secret(), networkData: ids.secret() };
    await port.stageConfig(host, staged, writing());
    await port.stageConfig(host, staged, writing());
    await port.stageConfig(host, staged, writing(other));
    expect(await secretsOf(host)).toHaveLength(5);
    const config = { run, userData: true, networkData: true };
    expect(await port.setImage(host, { image, config }, writing())).toBe("asked");
    expect(await port.setImage(host, { image, config }, writing())).toBe("already");
    expect(await wrongWith(host)).toEqual([]);
    const written = await is(host, "provisioned");
    expect(written).toMatchObject({
      imageOf: run,
      online: true,
      image: { wanted: image.url, written: image.url },
    });

    // What another run has staged for its own time stays, where it is asked for.
    expect(await port.clearImage(host, other, writing())).toBe("asked");
    expect(await port.clearImage(host, other, writing())).toBe("already");
    expect(await secretsOf(host)).toHaveLength(3);
    const cleaned = await is(host, "available");
    expect(cleaned).toMatchObject({ imageOf: null, image: { wanted: null, written: null } });
    expect(cleaned?.cleanedAt).toEqual(expect.any(String));
    await port.unstageConfig(host, writing(other));
    await port.unstageConfig(host, writing(other));
    expect(await secretsOf(host)).toEqual([`${host.name}-bmc`]);

    expect(await port.unenroll(host, writing())).toBe("asked");
    await until(
      () => port.unenroll(host, writing()),
      (answer) => answer === "gone",
    );
    expect(await port.unenroll(host, writing())).toBe("gone");
    expect(await secretsOf(host)).toEqual([]);
    expect(await port.read(host, writing())).toBeNull();
    const effects = await lab.effects("life");
    const count = (action: string) => effects.filter((effect) => effect.action === action).length;
    expect([count("install-finished"), count("disks-cleaned")]).toEqual([1, 1]);
  });

  it("is switched on and off", async () => {
    const { host, bmc } = await available();
    expect(await port.setPower(host, "off", writing())).toBe("already");
    for (const power of ["on", "off"] as const) {
      expect(await port.setPower(host, power, writing())).toBe("asked");
      expect(await port.setPower(host, power, writing())).toBe("already");
      expect(await reached(host, (seen) => seen.power === power)).toMatchObject({
        online: power === "on",
      });
    }
    const powers = (await lab.effects(bmc.name)).map(({ action }) => action);
    expect(powers.filter((action) => action === "power-on")).toHaveLength(2);
  });

  it.each([
    ["and is kept off by force no longer than it takes", null],
    ["also when a machine has it, which is held off", aMachine],
  ])("has its power cut where that is asked, %s", async (_, taker) => {
    const { host, bmc } = await available();
    await port.setImage(host, { image, config: null }, writing());
    await reached(host, ({ state, power }) => state === "provisioned" && power === "on");
    if (taker !== null) await take(host, taker);
    const switchedOff = async () =>
      (await lab.effects(bmc.name)).filter(({ action }) => action === "power-off");
    const before = (await switchedOff()).length;
    expect(await port.setPower(host, "force-off", writing())).toBe("asked");
    expect(await port.setPower(host, "force-off", writing())).toBe("already");
    expect(await raw(host)).toMatchObject({
      metadata: { annotations: { "reboot.metal3.io/millwright": '{"mode":"hard"}' } },
      spec: { online: true },
    });
    expect(await reached(host, ({ power }) => power === "off")).toMatchObject({ online: false });
    expect((await switchedOff()).slice(before)).toMatchObject([{ detail: { reset: "ForceOff" } }]);
    expect(await wrongWith(host)).toEqual([]);
    expect(await port.setPower(host, "off", writing())).toBe(taker === null ? "asked" : "already");
    expect(await port.setPower(host, "off", writing())).toBe("already");
    const { annotations } = (await raw(host))["metadata"] as Meta;
    expect("reboot.metal3.io/millwright" in annotations).toBe(taker !== null);
    expect(await port.setPower(host, "on", writing())).toBe("asked");
    expect(await reached(host, ({ power }) => power === "on")).toMatchObject({ online: true });
    if (taker !== null) await take(host, null);
  });

  it("that a machine has taken is not written, and is only held off", async () => {
    const { host } = await available();
    await port.setImage(host, { image, config: null }, writing());
    await reached(host, ({ state, power }) => state === "provisioned" && power === "on");
    await take(host, aMachine);
    expect(await port.read(host, writing())).toMatchObject({ consumer: "Metal3Machine/somebody" });
    const anew = { image: { ...image, url: `${image.url}2` }, config: null };
    expect(await outcome(port.setImage(host, anew, writing(other)))).toBe("CONFLICT consumed");
    expect(await outcome(port.clearImage(host, null, writing()))).toBe("CONFLICT consumed");
    expect(await port.setPower(host, "off", writing())).toBe("asked");
    expect(await port.setPower(host, "off", writing())).toBe("already");
    expect(await reached(host, ({ power }) => power === "off")).toMatchObject({ online: false });
    expect(await raw(host)).toMatchObject({ spec: { online: true } });
    expect(await wrongWith(host)).toEqual([]);
    expect(await port.setPower(host, "on", writing())).toBe("asked");
    expect(await reached(host, ({ power }) => power === "on")).toMatchObject({ online: true });
    await take(host, null);
    expect(await port.clearImage(host, null, writing())).toBe("asked");
  });

  it("that is another's is not touched", async () => {
    const { host } = await available();
    const stranger: HostRef = { ...host, id: ids.server() };
    const before = await raw(host);
    const bmc = await lab.add("strange", "idrac9");
    const wanted = wantedFor(bmc);
    for (const verb of [
      () => port.enroll(stranger, wanted, writing()),
      () => port.read(stranger, writing()),
      () => port.inspect(stranger, writing()),
      () => port.setImage(stranger, { image, config: null }, writing()),
      () => port.clearImage(stranger, null, writing()),
      () => port.setPower(stranger, "on", writing()),
      () => port.unenroll(stranger, writing()),
    ])
      expect(await outcome(verb())).toBe("CONFLICT not-ours");
    expect(await raw(host)).toMatchObject({
      metadata: { uid: (before["metadata"] as Meta).uid },
      spec: before["spec"],
    });
    const nobody = refTo(ids.server());
    expect(await outcome(port.setPower(nobody, "on", writing()))).toBe("NOT_FOUND");
  });

  it.each([
    ["a password that is wrong", "bad-password", "registration error"],
    ["a BMC that is dead", "bmc-dead", "registration error"],
    ["an inspection that hangs", "inspect-hangs", "inspection error"],
  ])("tells of %s", async (_what, ending, type) => {
    const { host } = await enrolled(ending);
    const state = await reached(host, ({ error }) => error !== null);
    expect(state).toMatchObject({ error: { type } });
    expect(state?.problems[0]).toMatchObject({
      source: `BareMetalHost/${host.name}`,
      reason: type,
      message: expect.stringContaining(`(failure ${state?.error?.count})`) as string,
    });
  });

  it.each([
    ["an image that cannot be written", "provision-fails"],
    ["an installation that hangs", "install-hangs"],
  ])("tells of %s", async (_what, ending) => {
    const { host } = await available(ending);
    await port.setImage(host, { image, config: null }, writing());
    const state = await reached(host, ({ error }) => error !== null);
    expect(state).toMatchObject({
      error: { type: "provisioning error" },
      image: { written: null },
    });
  });

  it.each(["deprovision-hangs", "erase-fails"])("tells of a cleaning that %s", async (ending) => {
    const { host } = await available(ending);
    await port.setImage(host, { image, config: null }, writing());
    await is(host, "provisioned");
    await port.clearImage(host, null, writing());
    const state = await reached(host, ({ error }) => error !== null);
    expect(state).toMatchObject({ state: "deprovisioning", error: { type: "provisioning error" } });
  });
});

describe("a pool of hosts", { timeout: 60_000 }, () => {
  const cluster = (): ClusterRef => ({ id: ids.cluster() satisfies ClusterId, place, name: "c" });
  const allocated = (server: ServerId, group = "workers") => ({
    server,
    group,
    pool: ids.pool(),
    takenBy: run,
  });

  it("waits for no host that a machine of another cluster's has taken", async () => {
    const { host } = await available();
    const mine = cluster();
    await pool.assign(mine, [allocated(host.id)], writing());
    await take(host, aMachine);
    const label = "/metadata/labels/cluster.x-k8s.io~1cluster-name";
    const nameIt = (value: string) =>
      client.patch(
        anyHosts,
        { namespace: place.namespace, name: host.name },
        [{ op: "add", path: label, value }],
        writing(),
      );
    await nameIt(mine.name);
    expect(await pool.idle(mine, [host.id], writing())).toEqual([]);
    await nameIt("another");
    expect(await pool.idle(mine, [host.id], writing())).toEqual([host.id]);
    await pool.unassign(mine, [host.id], writing());
    const { metadata } = (await raw(host)) as unknown as { readonly metadata: Meta };
    expect(Object.keys(metadata.labels)).not.toContain("millwright.dev/cluster");
    await take(host, null);
  });

  it("marks hosts for one cluster and takes its marks off again", async () => {
    const [{ host: a }, { host: b }] = await Promise.all([available(), available()]);
    const [mine, theirs] = [cluster(), cluster()];
    const servers = [allocated(a.id, "control-plane"), allocated(b.id)];
    await pool.assign(mine, servers, writing());
    const marked = await raw(a);
    await pool.assign(mine, servers, writing());
    expect(await raw(a)).toEqual(marked);
    expect(marked).toMatchObject({
      metadata: {
        labels: { "millwright.dev/cluster": mine.id, "millwright.dev/group": "control-plane" },
      },
    });
    expect(await wrongWith(a)).toEqual([]);
    expect(await outcome(pool.assign(theirs, servers, writing()))).toBe("CONFLICT marked");
    await pool.unassign(theirs, [a.id], writing());
    expect(await raw(a)).toEqual(marked);

    expect(await pool.idle(mine, [a.id, b.id], writing())).toEqual([a.id, b.id]);
    await take(a, aMachine);
    expect(await pool.idle(mine, [a.id, b.id], writing())).toEqual([b.id]);
    expect(await outcome(pool.unassign(mine, [a.id], writing()))).toBe(
      "KUBERNETES_UNAVAILABLE consumed",
    );
    await take(a, null);

    await take(b, aMachine);
    expect(await pool.assign(mine, servers, writing())).toBeUndefined();
    await port.setPower(b, "off", writing());
    expect(await port.read(b, writing())).toMatchObject({ online: false });
    await take(b, null);

    const gone = ids.server();
    await pool.unassign(mine, [a.id, b.id, gone], writing());
    await pool.unassign(mine, [a.id], writing());
    const { metadata } = (await raw(a)) as unknown as { readonly metadata: Meta };
    expect(Object.keys(metadata.labels)).not.toContain("millwright.dev/cluster");
    expect(Object.keys(metadata.labels)).not.toContain("millwright.dev/group");
    // Whoever takes the host next is not held off.
    expect(
      Object.keys(((await raw(b)) as unknown as { readonly metadata: Meta }).metadata.annotations),
    ).toEqual([]);
    expect(await pool.idle(mine, [gone], writing())).toEqual([gone]);
    await take(a, aMachine);
    expect(await outcome(pool.assign(mine, servers, writing()))).toBe("CONFLICT consumed");
    await take(a, null);
    expect(await outcome(pool.assign(mine, [allocated(gone)], writing()))).toBe(
      "KUBERNETES_REJECTED no-host",
    );
  });
});

it.skipIf(definitions.length === 0)(
  "would find a field that nobody has (../shared/crds; skipped without)",
  async () => {
    const { host } = await available();
    await client.patch(
      anyHosts,
      { namespace: place.namespace, name: host.name },
      [{ op: "add", path: "/spec/colour", value: "blue" }],
      writing(),
    );
    expect((await wrongWith(host)).join()).toContain("colour");
  },
);
