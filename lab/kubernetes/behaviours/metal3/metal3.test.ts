import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { FakeCluster } from "#lab/kubernetes/behaviours/testing/fake-cluster.ts";
import {
  hasOfficialSchemas,
  schemaProblems,
} from "#lab/kubernetes/behaviours/testing/official-schemas.ts";
import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { hostKind } from "./host.ts";
import type { HostSpec, HostStatus } from "./host.ts";
import type { Machine, Machines } from "./machines.ts";
import { metal3 } from "./metal3.ts";

const nowhere: Machines = { find: () => null };
const image = { url: "http://images.test/debian-13.qcow2", checksum: "abc", format: "qcow2" };

/** All that the tests of this file made, for the last one. */
const benches: Bench[] = [];

/** One host in a cluster of its own. */
class Bench {
  readonly cluster: FakeCluster;
  readonly key: ObjectKey;

  constructor(name = "node-1", machines: Machines = nowhere, capacity = 20) {
    this.cluster = new FakeCluster([metal3({ machines, capacity })]);
    this.key = { kind: hostKind, namespace: "metal", name };
    benches.push(this);
  }

  get host(): KubeObject {
    return this.cluster.expect(this.key);
  }

  get status(): HostStatus {
    return this.host["status"] as HostStatus;
  }

  get state(): string {
    return this.status.provisioning.state;
  }

  /** Every state that was ever stored, without repetitions. */
  get states(): readonly string[] {
    const all = this.cluster.history
      .filter(({ kind, metadata }) => kind === "BareMetalHost" && metadata.name === this.key.name)
      .map((host) => (host["status"] as HostStatus | undefined)?.provisioning.state ?? "");
    return all.filter((state, index) => state !== all[index - 1]);
  }

  get actions(): readonly string[] {
    return this.cluster.effects.map(({ action }) => action);
  }

  get reasons(): readonly string[] {
    return this.cluster.events.map(({ reason }) => reason);
  }

  secret(data: Record<string, string> = { username: "admin", password: "secret\n" }): ObjectKey {
    const encoded = Object.entries(data).map(([key, value]) => [
      key,
      Buffer.from(value).toString("base64"),
    ]);
    this.cluster.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `${this.key.name}-bmc`, namespace: "metal" },
      data: Object.fromEntries(encoded),
    });
    return { kind: "Secret", namespace: "metal", name: `${this.key.name}-bmc` };
  }

  create(
    spec: Partial<HostSpec> = {},
    annotations: Readonly<Record<string, string>> = {},
  ): KubeObject {
    return this.cluster.create({
      apiVersion: "metal3.io/v1alpha1",
      kind: "BareMetalHost",
      metadata: { name: this.key.name, namespace: "metal", annotations },
      spec: {
        online: true,
        bmc: {
          address: "redfish-virtualmedia+https://192.0.2.7/redfish/v1/Systems/1",
          credentialsName: `${this.key.name}-bmc`,
        },
        ...spec,
      },
    });
  }

  enrol(spec: Partial<HostSpec> = {}): void {
    this.secret();
    this.create(spec);
    this.until("available", 6 * minute);
  }

  provision(): void {
    this.enrol();
    this.patch({ image });
    this.until("provisioned", 6 * minute);
    this.cluster.advance(2 * minute);
  }

  patch(spec: Partial<Record<keyof HostSpec, unknown>>): void {
    this.cluster.update(this.key, (host) => ({
      ...host,
      spec: { ...(host["spec"] as HostSpec), ...spec },
    }));
  }

  annotate(name: string, value: string | undefined): void {
    this.cluster.update(this.key, (host) => {
      const { [name]: _old, ...others } = host.metadata.annotations ?? {};
      const annotations = value === undefined ? others : { ...others, [name]: value };
      return { ...host, metadata: { ...host.metadata, annotations } };
    });
  }

  until(state: string, limitMs: number): number {
    return this.cluster.advanceUntil(() => this.state === state, limitMs);
  }
}

describe("registration", () => {
  test("claims the Secret and goes through inspection to available", () => {
    const bench = new Bench();
    const key = bench.secret();
    bench.create();
    bench.cluster.settle();
    expect(bench.state).toBe("registering");
    const ms = bench.until("available", 6 * minute);
    expect(ms).toBe(10 * second + 4 * minute + 20 * second);
    expect(bench.states).toEqual(["", "registering", "inspecting", "preparing", "available"]);
    const { metadata } = bench.cluster.expect(key);
    expect(metadata.labels).toEqual({ "environment.metal3.io": "baremetal" });
    expect(metadata.ownerReferences?.map(({ name }) => name)).toEqual(["node-1"]);
    expect(bench.host.metadata.finalizers).toEqual(["baremetalhost.metal3.io"]);
    expect(bench.reasons).toContain("BMCAccessValidated");
    expect(bench.status.goodCredentials.credentialsVersion).toBe(metadata.resourceVersion);
    expect(bench.status.operationHistory.inspect.end).not.toBeNull();
    const data = bench.cluster.expect({ ...bench.key, kind: "HardwareData.metal3.io" });
    expect(data["spec"]).toEqual({ hardware: bench.status.hardware });
    expect((bench.host["spec"] as HostSpec).architecture).toBe("x86_64");
    const conditions = Object.fromEntries(
      (bench.status.conditions ?? []).map(({ type, status, reason }) => [
        type,
        `${status} ${reason}`,
      ]),
    );
    expect(conditions).toEqual({
      Ready: "False NotProvisioned",
      AvailableForProvisioning: "True Available",
      Manageable: "True Manageable",
      Provisioned: "False NotProvisioned",
      Progressing: "False NotProgressing",
      Healthy: "True Healthy",
    });
    bench.cluster.advance(2 * minute);
    expect(bench.status.poweredOn).toBe(true);
  });

  test("waits for a missing Secret and tells so", () => {
    const bench = new Bench();
    bench.create();
    bench.cluster.advance(15 * second);
    expect(bench.status.errorType).toBe("registration error");
    expect(bench.status.operationalStatus).toBe("error");
    expect(bench.status.errorCount).toBe(2);
    expect(bench.reasons).toContain("BMCCredentialError");
    bench.secret();
    bench.until("inspecting", 40 * second);
    expect(bench.status.errorType).toBeUndefined();
    expect(bench.status.errorCount).toBe(0);
  });

  test("looks at once when a malformed Secret is corrected", () => {
    const bench = new Bench();
    const key = bench.secret({ username: "admin" });
    bench.create();
    bench.cluster.advance(10 * minute);
    expect(bench.status.errorMessage).toContain("password");
    expect(bench.status.errorCount).toBe(1);
    bench.cluster.update(key, (secret) => ({
      ...secret,
      data: { ...(secret["data"] as object), password: "c2VjcmV0" },
    }));
    bench.until("inspecting", 12 * second);
  });

  test("backs off while the BMC refuses, and stays in registering", () => {
    const refusing = { ...anyMachine(), checkAccess: () => "refused" as const };
    const bench = new Bench("node-1", { find: () => refusing });
    bench.secret();
    bench.create();
    const counts: number[] = [];
    for (let minutes = 0; minutes < 20; minutes += 1) {
      bench.cluster.advance(minute);
      counts.push(bench.status.errorCount);
    }
    expect(bench.state).toBe("registering");
    expect(bench.status.errorType).toBe("registration error");
    expect(counts.slice(0, 8)).toEqual([1, 2, 2, 2, 3, 3, 3, 3]);
    expect(bench.reasons).toContain("RegistrationError");
  });

  test("leaves a host without a BMC unmanaged", () => {
    const bench = new Bench();
    bench.cluster.create({
      apiVersion: "metal3.io/v1alpha1",
      kind: "BareMetalHost",
      metadata: { name: "node-1", namespace: "metal" },
      spec: { online: false },
    });
    bench.cluster.settle();
    expect(bench.state).toBe("unmanaged");
    expect(bench.status.operationalStatus).toBe("discovered");
  });

  test("takes hardware details from outside while inspection is disabled", () => {
    const bench = new Bench();
    bench.secret();
    const details = { cpu: { arch: "aarch64" }, hostname: "given" };
    bench.create(
      { inspectionMode: "disabled", bootMACAddress: "52:54:00:00:00:01" },
      { "inspect.metal3.io/hardwaredetails": JSON.stringify(details) },
    );
    bench.until("available", minute);
    expect(bench.status.hardware).toEqual(details);
    expect(bench.states).not.toContain("inspecting");
    expect(bench.host.metadata.annotations).toEqual({});
  });
});

describe("provisioning", () => {
  test("starts only when the host is online, and writes once", () => {
    const bench = new Bench();
    bench.enrol({ online: false });
    bench.patch({ image });
    bench.cluster.advance(10 * minute);
    expect(bench.state).toBe("available");
    bench.patch({ online: true });
    bench.until("provisioned", 6 * minute);
    expect(bench.status.provisioning.image).toEqual(image);
    bench.cluster.advance(5 * minute);
    expect(bench.status.poweredOn).toBe(true);
    expect(bench.actions.filter((action) => action === "image-written")).toHaveLength(1);
    expect(bench.reasons).toContain("ProvisioningComplete");
  });

  test("takes a custom deployment", () => {
    const bench = new Bench();
    bench.enrol();
    bench.patch({ customDeploy: { method: "install_coreos" } });
    bench.until("provisioned", 6 * minute);
    expect(bench.status.provisioning.customDeploy).toEqual({ method: "install_coreos" });
    bench.patch({ customDeploy: undefined });
    bench.until("available", 4 * minute);
    expect(bench.status.provisioning.customDeploy).toBeUndefined();
  });

  test("replaces an image through deprovisioning by itself", () => {
    const bench = new Bench();
    bench.provision();
    bench.patch({ image: { ...image, url: "http://images.test/other.qcow2" } });
    bench.until("deprovisioning", second);
    bench.cluster.advanceUntil(
      () => bench.status.provisioning.image.url.endsWith("other.qcow2"),
      10 * minute,
    );
    expect(bench.states.slice(-4)).toEqual([
      "deprovisioning",
      "available",
      "provisioning",
      "provisioned",
    ]);
    expect(bench.actions.filter((action) => action === "disks-cleaned")).toHaveLength(1);
  });

  test("deprovisions without cleaning when it is disabled", () => {
    const bench = new Bench();
    bench.provision();
    bench.patch({ image: undefined, automatedCleaningMode: "disabled" });
    expect(bench.until("available", minute)).toBe(20 * second);
    expect(bench.status.provisioning.image).toEqual({ url: "" });
    expect(bench.actions).not.toContain("disks-cleaned");
  });

  test("shows a failure for a minute or two only, and starts over", () => {
    const bench = new Bench("node-provision-fails");
    bench.enrol();
    bench.patch({ image });
    bench.cluster.advanceUntil(() => bench.status.errorType !== undefined, 6 * minute);
    expect(bench.status.errorType).toBe("provisioning error");
    expect(bench.status.errorCount).toBe(1);
    const seen = bench.cluster.advanceUntil(() => bench.status.errorType === undefined, 3 * minute);
    expect(seen).toBeGreaterThanOrEqual(minute);
    expect(seen).toBeLessThanOrEqual(2 * minute);
    bench.cluster.advance(30 * minute);
    expect(bench.states.filter((state) => state === "provisioning").length).toBeGreaterThan(2);
    expect(bench.states).not.toContain("provisioned");
    expect(bench.actions).not.toContain("image-written");
  });

  test("delays hosts for which there is no slot", () => {
    const bench = new Bench("node-1", nowhere, 1);
    bench.secret();
    bench.create();
    bench.until("inspecting", minute);
    const otherKey = { ...bench.key, name: "node-2" };
    bench.cluster.create({
      apiVersion: "metal3.io/v1alpha1",
      kind: "BareMetalHost",
      metadata: { name: "node-2", namespace: "metal" },
      spec: bench.host["spec"],
    });
    const other = (): HostStatus => bench.cluster.expect(otherKey)["status"] as HostStatus;
    bench.cluster.advanceUntil(() => other().operationalStatus === "delayed", minute);
    expect(other().provisioning.state).toBe("registering");
    bench.cluster.advanceUntil(() => other().provisioning.state === "available", 12 * minute);
    expect(other().operationalStatus).toBe("OK");
  });

  test("inspects again when asked, with new HardwareData", () => {
    const bench = new Bench();
    bench.enrol();
    const key = { ...bench.key, kind: "HardwareData.metal3.io" };
    const { uid } = bench.cluster.expect(key).metadata;
    bench.annotate("inspect.metal3.io", "");
    bench.until("inspecting", second);
    bench.cluster.settle();
    expect(bench.host.metadata.annotations).toEqual({});
    bench.until("available", 5 * minute);
    expect(bench.cluster.expect(key).metadata.uid).not.toBe(uid);
  });

  test("ends an inspection that hangs with an error, and tries again", () => {
    const bench = new Bench("node-inspect-hangs");
    bench.secret();
    bench.create();
    bench.cluster.advance(20 * minute);
    expect(bench.state).toBe("inspecting");
    bench.cluster.advance(11 * minute);
    expect(bench.status.errorType).toBe("inspection error");
    bench.cluster.advance(5 * minute);
    expect(bench.status.errorType).toBeUndefined();
    expect(bench.state).toBe("inspecting");
  });
});

describe("power", () => {
  test("follows online", () => {
    const bench = new Bench();
    bench.provision();
    bench.patch({ online: false });
    expect(bench.cluster.advanceUntil(() => !bench.status.poweredOn, minute)).toBe(30 * second);
    bench.patch({ online: true });
    expect(bench.cluster.advanceUntil(() => bench.status.poweredOn, minute)).toBe(10 * second);
    expect(bench.actions.slice(-2)).toEqual(["power-off", "power-on"]);
  });

  test("reboots, removing the annotation between off and on", () => {
    const bench = new Bench();
    bench.provision();
    bench.annotate("reboot.metal3.io", '{"mode":"hard"}');
    expect(bench.cluster.advanceUntil(() => !bench.status.poweredOn, minute)).toBeLessThanOrEqual(
      10 * second,
    );
    bench.cluster.advanceUntil(() => bench.status.poweredOn, minute);
    expect(bench.host.metadata.annotations).toEqual({});
    expect(bench.cluster.effects.at(-2)).toMatchObject({ detail: { how: "hard" } });
  });

  test("holds a host off until the client with a key lets go", () => {
    const bench = new Bench();
    bench.provision();
    bench.annotate("reboot.metal3.io/drain", "");
    bench.cluster.advance(10 * minute);
    expect(bench.status.poweredOn).toBe(false);
    bench.annotate("reboot.metal3.io/drain", undefined);
    bench.cluster.advanceUntil(() => bench.status.poweredOn, minute);
  });

  test("restarts a host that must not be powered off", () => {
    const bench = new Bench();
    bench.provision();
    bench.patch({ disablePowerOff: true });
    bench.annotate("reboot.metal3.io", "");
    bench.cluster.advance(minute);
    expect(bench.host.metadata.annotations).toEqual({});
    expect(bench.actions.filter((action) => action === "restart")).toHaveLength(1);
    expect(bench.actions).not.toContain("power-off");
  });

  test("reports a machine that does not obey, and then cuts its power", () => {
    const commands: string[] = [];
    let power: "on" | "off" = "on";
    const deaf: Machine = {
      ...anyMachine(),
      power: () => power,
      setPower: (to, how) => {
        commands.push(`${to} ${how}`);
        if (to === "on" || how === "hard") power = to;
      },
    };
    const bench = new Bench("node-1", { find: () => deaf });
    bench.provision();
    bench.patch({ online: false });
    bench.cluster.advance(4 * minute);
    expect(bench.status.errorType).toBe("power management error");
    bench.cluster.advanceUntil(() => !bench.status.poweredOn, 3 * minute);
    expect(commands.slice(-2)).toEqual(["off soft", "off hard"]);
    bench.cluster.advance(minute);
    expect(bench.status).toMatchObject({ operationalStatus: "OK", errorCount: 0 });
  });
});

describe("what stops the operator", () => {
  test("does nothing to a paused host", () => {
    const bench = new Bench();
    bench.secret();
    bench.create({}, { "baremetalhost.metal3.io/paused": "" });
    bench.cluster.advance(10 * minute);
    expect(bench.host["status"]).toBeUndefined();
    bench.annotate("baremetalhost.metal3.io/paused", undefined);
    bench.until("available", 6 * minute);
  });

  test("detaches a host and takes it back", () => {
    const bench = new Bench();
    bench.provision();
    bench.annotate("baremetalhost.metal3.io/detached", "");
    bench.cluster.settle();
    expect(bench.status.operationalStatus).toBe("detached");
    bench.patch({ online: false });
    bench.cluster.advance(15 * minute);
    expect(bench.status.poweredOn).toBe(true);
    bench.annotate("baremetalhost.metal3.io/detached", undefined);
    bench.cluster.advance(2 * minute);
    expect(bench.status).toMatchObject({ operationalStatus: "OK", poweredOn: false });
  });

  test("manages only the power of what others provisioned", () => {
    const bench = new Bench();
    bench.enrol();
    bench.patch({ externallyProvisioned: true });
    bench.until("externally provisioned", second);
    bench.patch({ image });
    bench.cluster.advance(10 * minute);
    expect(bench.state).toBe("externally provisioned");
    expect(bench.actions).not.toContain("image-written");
  });
});

describe("deletion", () => {
  const isGone = (bench: Bench) => (): boolean => bench.cluster.get(bench.key) === undefined;

  test("cleans and powers off a provisioned host first", () => {
    const bench = new Bench();
    bench.provision();
    bench.cluster.delete(bench.key);
    bench.cluster.advanceUntil(isGone(bench), 5 * minute);
    expect(bench.states.slice(-4)).toEqual([
      "provisioned",
      "deprovisioning",
      "powering off before delete",
      "deleting",
    ]);
    expect(bench.actions.at(-1)).toBe("disks-cleaned");
    const secret = bench.cluster.expect({ ...bench.key, kind: "Secret", name: "node-1-bmc" });
    expect(secret.metadata.finalizers).toEqual([]);
    const data = bench.cluster.expect({ ...bench.key, kind: "HardwareData.metal3.io" });
    expect(data.metadata.finalizers).toEqual([]);
  });

  test("powers off an available host, and lets a registering one go at once", () => {
    const available = new Bench();
    available.enrol();
    available.cluster.advance(minute);
    available.cluster.delete(available.key);
    available.cluster.advanceUntil(isGone(available), minute);
    expect(available.states).toContain("powering off before delete");
    expect(available.actions.at(-1)).toBe("power-off");
    const registering = new Bench();
    registering.create();
    registering.cluster.settle();
    registering.cluster.delete(registering.key);
    registering.cluster.advanceUntil(isGone(registering), second);
    expect(registering.states).not.toContain("powering off before delete");
  });

  test("gives up cleaning after three failures", () => {
    const bench = new Bench("node-deprovision-hangs");
    bench.provision();
    bench.cluster.delete(bench.key);
    bench.cluster.advance(29 * minute);
    expect(bench.state).toBe("deprovisioning");
    bench.cluster.advanceUntil(isGone(bench), 4 * 60 * minute);
    expect(bench.actions).not.toContain("disks-cleaned");
    expect(bench.reasons.filter((reason) => reason === "ProvisioningError")).toHaveLength(3);
  });

  test("deletes a detached host without cleaning, unless it is told to wait", () => {
    const bench = new Bench();
    bench.provision();
    bench.annotate("baremetalhost.metal3.io/detached", '{"deleteAction":"delay"}');
    bench.cluster.settle();
    bench.cluster.delete(bench.key);
    bench.cluster.advance(20 * minute);
    expect(bench.state).toBe("provisioned");
    bench.annotate("baremetalhost.metal3.io/detached", '{"deleteAction":"delete"}');
    bench.cluster.advanceUntil(isGone(bench), second);
    expect(bench.actions).not.toContain("disks-cleaned");
  });
});

test("writes nothing while nothing changes", () => {
  const bench = new Bench();
  bench.provision();
  const before = bench.cluster.history.length;
  bench.cluster.advance(60 * minute);
  expect(bench.cluster.history).toHaveLength(before);
});

test.skipIf(!hasOfficialSchemas)(
  "has written nothing that the official CRDs refuse (../shared/crds; skipped without)",
  () => {
    const bench = new Bench();
    bench.provision();
    const objects = benches.flatMap(({ cluster }) => cluster.history);
    expect(objects.length).toBeGreaterThan(30);
    expect(schemaProblems(objects, ["metal3-baremetal-operator"])).toEqual([]);
  },
);

function anyMachine(): Machine {
  let power: "on" | "off" = "off";
  return {
    name: "any",
    hardware: () => ({
      cpu: { arch: "x86_64", clockMegahertz: 2000, count: 8, flags: [], model: "any" },
      firmware: { bios: { date: "", vendor: "", version: "" } },
      hostname: "any",
      nics: [],
      ramMebibytes: 1024,
      storage: [],
      systemVendor: { manufacturer: "", productName: "", serialNumber: "" },
    }),
    checkAccess: () => "ok",
    power: () => power,
    setPower: (to) => {
      power = to;
    },
    restart: () => undefined,
    writeImage: () => null,
    wipe: () => null,
  };
}
