import { describe, expect, test } from "vitest";
import {
  hasOfficialSchemas,
  officialSamples,
} from "#lab/kubernetes/behaviours/testing/official-schemas.ts";
import type { Admission } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { admitHost } from "./admission.ts";
import type { HostSpec } from "./host.ts";

const address = "redfish-virtualmedia+https://192.0.2.7/redfish/v1/Systems/1";
const bmc = { address, credentialsName: "s" };

function host(
  spec: Partial<HostSpec>,
  more: {
    name?: string;
    state?: string;
    annotations?: Record<string, string>;
    operationalStatus?: string;
  } = {},
): KubeObject {
  return {
    apiVersion: "metal3.io/v1alpha1",
    kind: "BareMetalHost",
    metadata: {
      name: more.name ?? "node-1",
      namespace: "metal",
      uid: "u",
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: more.annotations ?? {},
    },
    spec: { online: true, bmc, ...spec },
    status: {
      operationalStatus: more.operationalStatus ?? "OK",
      provisioning: { ID: "", state: more.state ?? "available" },
    },
  };
}

function create(object: KubeObject): string {
  return outcome(admitHost({ operation: "create", object, old: null }));
}

function update(old: KubeObject, object: KubeObject): string {
  return outcome(admitHost({ operation: "update", object, old }));
}

function outcome(admission: Admission): string {
  return admission.kind === "allowed" ? "allowed" : `${admission.reason} ${admission.field ?? ""}`;
}

const image = { url: "http://images.test/a.qcow2" };
const checked = { ...image, checksum: "x" };

describe("a new host", () => {
  test.each<[string, KubeObject, string]>([
    ["is allowed", host({ image: checked }), "allowed"],
    [
      "is no UUID",
      host({}, { name: "2f9dbb4a-6f0c-4e0e-9f6a-2f3e1f0c9a11" }),
      "Invalid metadata.name",
    ],
    [
      "has a known driver",
      host({ bmc: { ...bmc, address: "telepathy://x" } }),
      "Invalid spec.bmc.address",
    ],
    [
      "says its MAC for a network boot",
      host({ bmc: { ...bmc, address: "libvirt://192.0.2.7" } }),
      "Invalid spec.bootMACAddress",
    ],
    [
      "says its MAC when it is not inspected",
      host({ inspectionMode: "disabled" }),
      "Invalid spec.bootMACAddress",
    ],
    ["has a checksum for its image", host({ image }), "Invalid spec.image.checksum"],
    ["needs none for a live image", host({ image: { ...image, format: "live-iso" } }), "allowed"],
    ["needs none from a registry", host({ image: { url: "oci://registry.test/a:1" } }), "allowed"],
    [
      "has a URL that is one",
      host({ image: { ...checked, url: "nonsense" } }),
      "Invalid spec.image.url",
    ],
    [
      "has one kind of RAID",
      host({
        raid: { hardwareRAIDVolumes: [{ level: "1" }], softwareRAIDVolumes: [{ level: "1" }] },
      }),
      "Invalid spec.raid",
    ],
    [
      "has a root device in /dev",
      host({ rootDeviceHints: { deviceName: "sda" } }),
      "Invalid spec.rootDeviceHints.deviceName",
    ],
    [
      "is online when it must not be off",
      host({ online: false, disablePowerOff: true }),
      "Invalid spec.online",
    ],
    [
      "reads its own namespace",
      host({ userData: { name: "u", namespace: "other" } }),
      "Forbidden spec.userData",
    ],
    [
      "is rebooted softly or hard",
      host({}, { annotations: { "reboot.metal3.io": '{"mode":"gently"}' } }),
      "Invalid metadata.annotations[reboot.metal3.io]",
    ],
    [
      "is inspected, or not",
      host({}, { annotations: { "inspect.metal3.io": "maybe" } }),
      "Invalid metadata.annotations[inspect.metal3.io]",
    ],
    [
      "gives hardware only uninspected",
      host({}, { annotations: { "inspect.metal3.io/hardwaredetails": "{}" } }),
      "Invalid metadata.annotations[inspect.metal3.io/hardwaredetails]",
    ],
  ])("%s", (_rule, object, expected) => {
    expect(create(object)).toBe(expected);
  });
});

describe("a change", () => {
  const moved = { bmc: { ...bmc, address: address.replace(".7", ".8") } };

  test("moves the BMC only while registering or detached", () => {
    expect(update(host({}), host(moved))).toBe("Invalid spec.bmc.address");
    expect(update(host({}, { state: "registering" }), host(moved))).toBe("allowed");
    expect(update(host({}, { operationalStatus: "detached" }), host(moved))).toBe("allowed");
  });

  test("never changes the MAC address, but its case", () => {
    const mac = { bootMACAddress: "52:54:00:AA:BB:01" };
    expect(update(host(mac), host({ bootMACAddress: "52:54:00:aa:bb:01" }))).toBe("allowed");
    expect(update(host(mac), host({}))).toBe("Invalid spec.bootMACAddress");
    expect(update(host({}), host(mac))).toBe("allowed");
  });

  test("adopts from available only, and for ever", () => {
    const adopted = { externallyProvisioned: true };
    expect(update(host({}), host(adopted))).toBe("allowed");
    expect(update(host({}, { state: "provisioned" }), host(adopted))).toBe(
      "Invalid spec.externallyProvisioned",
    );
    expect(update(host(adopted), host({}))).toBe("Invalid spec.externallyProvisioned");
  });

  test("leaves deletions alone", () => {
    const object = host({ image });
    expect(outcome(admitHost({ operation: "delete", object, old: object }))).toBe("allowed");
  });
});

test.skipIf(!hasOfficialSchemas)(
  "admits every host of the official samples (../shared/crds; skipped without)",
  () => {
    const hosts = officialSamples("metal3").filter(({ kind }) => kind === "BareMetalHost");
    expect(hosts.length).toBeGreaterThan(3);
    for (const sample of hosts) {
      // The Secrets that they name are in this namespace.
      const metadata = { ...sample.metadata, namespace: "openshift-machine-api" };
      expect([metadata.name, create({ ...sample, metadata })]).toEqual([metadata.name, "allowed"]);
    }
  },
);
