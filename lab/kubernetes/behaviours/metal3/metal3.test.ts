import { describe, expect, test } from "vitest";
import { hasOfficialSchemas } from "#lab/kubernetes/behaviours/testing/official-schemas.ts";
import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import type { HostSpec, HostStatus } from "./host.ts";
import { anyMachine, HostBench, image, nowhere, problemsSoFar } from "./testing/host-bench.ts";

describe("registration", () => {
  test("claims the Secret and goes through inspection to available", () => {
    const bench = new HostBench();
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
    const bench = new HostBench();
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
    const bench = new HostBench();
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
    const bench = new HostBench("node-1", { find: () => refusing });
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
    const bench = new HostBench();
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
    const bench = new HostBench();
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
    const bench = new HostBench();
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
    const bench = new HostBench();
    bench.enrol();
    bench.patch({ customDeploy: { method: "install_coreos" } });
    bench.until("provisioned", 6 * minute);
    expect(bench.status.provisioning.customDeploy).toEqual({ method: "install_coreos" });
    bench.patch({ customDeploy: undefined });
    bench.until("available", 4 * minute);
    expect(bench.status.provisioning.customDeploy).toBeUndefined();
  });

  test("replaces an image through deprovisioning by itself", () => {
    const bench = new HostBench();
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
    const bench = new HostBench();
    bench.provision();
    bench.patch({ image: undefined, automatedCleaningMode: "disabled" });
    expect(bench.until("available", minute)).toBe(20 * second);
    expect(bench.status.provisioning.image).toEqual({ url: "" });
    expect(bench.actions).not.toContain("disks-cleaned");
  });

  test("shows a failure for a minute or two only, and starts over", () => {
    const bench = new HostBench("node-provision-fails");
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
    const bench = new HostBench("node-1", nowhere, 1);
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
    const bench = new HostBench();
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
    const bench = new HostBench("node-inspect-hangs");
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

test.skipIf(!hasOfficialSchemas)(
  "has written nothing that the official CRDs refuse (../shared/crds; skipped without)",
  () => {
    const bench = new HostBench();
    bench.provision();
    const { count, problems } = problemsSoFar();
    expect(count).toBeGreaterThan(30);
    expect(problems).toEqual([]);
  },
);
