import type { Admission, AdmissionWrite } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { hardwareDetailsAnnotation, inspectAnnotation } from "./annotations.ts";
import { driverOf } from "./bmc-address.ts";
import { draftStatus, isInspectionDisabled, specOf } from "./host.ts";
import type { HostSpec, Image } from "./host.ts";

/** What is wrong: the message of the webhook, and the field. */
interface Problem {
  readonly message: string;
  readonly field?: string;
  readonly isForbidden?: boolean;
}

/** The rules of baremetal-operator's webhook that a client of BareMetalHosts can meet. */
export function admitHost(write: AdmissionWrite): Admission {
  const { object, old, operation } = write;
  if (object.kind !== "BareMetalHost" || operation === "delete") return { kind: "allowed", object };
  const [problem] = [...wrongHost(object), ...(old === null ? [] : wrongChange(old, object))];
  if (problem === undefined) return { kind: "allowed", object };
  const { message, field, isForbidden = false } = problem;
  return {
    kind: "refused",
    reason: isForbidden ? "Forbidden" : "Invalid",
    message,
    ...(field === undefined ? {} : { field }),
  };
}

function wrongHost(host: KubeObject): readonly Problem[] {
  const spec = specOf(host);
  return [
    ...wrongReferences(host, spec),
    ...wrongRaid(spec),
    ...wrongBmc(host, spec),
    ...wrongName(host.metadata.name),
    ...wrongRootDevice(spec),
    ...wrongImage(spec.image),
    ...wrongAnnotations(host),
    ...wrongPower(spec),
  ];
}

function wrongChange(old: KubeObject, host: KubeObject): readonly Problem[] {
  const before = specOf(old);
  const after = specOf(host);
  const { operationalStatus, provisioning } = draftStatus(old);
  const problems: Problem[] = [];
  const address = before.bmc?.address ?? "";
  const isMovable = operationalStatus === "detached" || provisioning.state === "registering";
  if (address !== "" && after.bmc?.address !== address && !isMovable) {
    const message =
      "BMC address can not be changed if the BMH is not in the Registering state, or if the BMH is not detached";
    problems.push({ message, field: "spec.bmc.address" });
  }
  const mac = before.bootMACAddress ?? "";
  if (mac !== "" && after.bootMACAddress?.toLowerCase() !== mac.toLowerCase()) {
    const message = "bootMACAddress can not be changed once it is set";
    problems.push({ message, field: "spec.bootMACAddress" });
  }
  const isAdopted = before.externallyProvisioned !== true && after.externallyProvisioned === true;
  if (isAdopted && provisioning.state !== "available") {
    const message = `externallyProvisioned can only be enabled when in Available state, currently in ${provisioning.state}`;
    problems.push({ message, field: "spec.externallyProvisioned" });
  }
  if (before.externallyProvisioned === true && after.externallyProvisioned !== true) {
    const message = "externallyProvisioned can not be changed once it is set";
    problems.push({ message, field: "spec.externallyProvisioned" });
  }
  return problems;
}

function wrongReferences({ metadata }: KubeObject, spec: HostSpec): readonly Problem[] {
  return (["userData", "networkData", "metaData"] as const)
    .filter((field) => {
      const namespace = spec[field]?.namespace ?? "";
      return namespace !== "" && namespace !== metadata.namespace;
    })
    .map((field) => ({
      message: `${field}: cross-namespace Secret references are not allowed`,
      field: `spec.${field}`,
      isForbidden: true,
    }));
}

function wrongRaid({ raid, bmc }: HostSpec): readonly Problem[] {
  const hardware = raid?.hardwareRAIDVolumes ?? [];
  const software = raid?.softwareRAIDVolumes ?? [];
  if (hardware.length > 0 && software.length > 0) {
    const message = "hardwareRAIDVolumes and softwareRAIDVolumes can not be set at the same time";
    return [{ message, field: "spec.raid" }];
  }
  const driver = driverOf(bmc?.address ?? "");
  if (hardware.length > 0 && driver?.hasRaid === false) {
    const message = `BMC driver ${driver.name} does not support configuring RAID`;
    return [{ message, field: "spec.raid" }];
  }
  return [];
}

function wrongBmc(host: KubeObject, spec: HostSpec): readonly Problem[] {
  const address = spec.bmc?.address ?? "";
  if (address === "") return [];
  const driver = driverOf(address);
  if (driver === undefined) {
    return [{ message: `Unknown BMC type in address ${address}`, field: "spec.bmc.address" }];
  }
  const problems: Problem[] = [];
  const needsMac = driver.needsMac || isInspectionDisabled(host);
  if (needsMac && (spec.bootMACAddress ?? "") === "") {
    const message = `BMC driver ${driver.name} requires a BootMACAddress value`;
    problems.push({ message, field: "spec.bootMACAddress" });
  }
  if (spec.bootMode === "UEFISecureBoot" && !driver.hasSecureBoot) {
    const message = `BMC driver ${driver.name} does not support secure boot`;
    problems.push({ message, field: "spec.bootMode" });
  }
  return problems;
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

function wrongName(name: string): readonly Problem[] {
  if (!uuid.test(name)) return [];
  return [{ message: "BareMetalHost resource name cannot be a UUID", field: "metadata.name" }];
}

function wrongRootDevice({ rootDeviceHints }: HostSpec): readonly Problem[] {
  const name = rootDeviceHints?.deviceName ?? "";
  if (name === "" || /^\/dev\/(disk\/by-path\/)?[^/]+$/.test(name)) return [];
  const message = `device name of root device hint must be path in /dev/ or /dev/disk/by-path/, not "${name}"`;
  return [{ message, field: "spec.rootDeviceHints.deviceName" }];
}

function wrongImage(image: Image | undefined): readonly Problem[] {
  if (image === undefined) return [];
  if (!URL.canParse(image.url)) {
    return [{ message: `image URL ${image.url} is invalid`, field: "spec.image.url" }];
  }
  const needsChecksum = image.format !== "live-iso" && !image.url.startsWith("oci://");
  if (!needsChecksum || (image.checksum ?? "") !== "") return [];
  return [{ message: "checksum is required for normal images", field: "spec.image.checksum" }];
}

function wrongAnnotations(host: KubeObject): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(host.metadata.annotations ?? {})) {
    const message =
      name === inspectAnnotation
        ? wrongInspection(host, value)
        : name === hardwareDetailsAnnotation
          ? wrongHardware(host, value)
          : /^reboot\.metal3\.io(\/|$)/.test(name)
            ? wrongReboot(value)
            : null;
    if (message !== null) problems.push({ message, field: `metadata.annotations[${name}]` });
  }
  return problems;
}

function wrongInspection(host: KubeObject, value: string): string | null {
  if (value !== "" && value !== "disabled") {
    return `invalid value for the ${inspectAnnotation} annotation, allowed are "disabled" or ""`;
  }
  const mode = specOf(host).inspectionMode;
  return value === "disabled" && mode !== undefined && mode !== "disabled"
    ? `${inspectAnnotation} annotation and inspectionMode field have contradicting values`
    : null;
}

function wrongHardware(host: KubeObject, value: string): string | null {
  if (value === "") return null;
  if (!isInspectionDisabled(host)) {
    return "when hardware details are provided, inspection must be disabled";
  }
  return isObject(value) ? null : `error decoding the ${hardwareDetailsAnnotation} annotation`;
}

function wrongReboot(value: string): string | null {
  if (value === "") return null;
  if (!isObject(value)) return "failed to unmarshal the data from the reboot.metal3.io annotation";
  const { mode = "" } = JSON.parse(value) as { readonly mode?: unknown };
  return mode === "" || mode === "soft" || mode === "hard"
    ? null
    : 'invalid mode in the reboot.metal3.io annotation, allowed are "hard", "soft" or ""';
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function wrongPower({ disablePowerOff, online }: HostSpec): readonly Problem[] {
  if (disablePowerOff !== true || online) return [];
  const message = "node can't simultaneously have online set to false and have power off disabled";
  return [{ message, field: "spec.online" }];
}
