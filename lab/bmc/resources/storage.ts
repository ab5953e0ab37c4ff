import { base, refuse } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { collection, healthy, link, links, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Resource, Routes } from "#lab/bmc/router.ts";
import { drivePart } from "#lab/profiles/hardware.ts";
import type { Drive, Storage } from "#lab/profiles/hardware.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { powerState } from "#lab/world/machine.ts";
import { accepted } from "./tasks.ts";

/** Storage controllers and drives, with the erasure of a single drive where the vendor offers it. */
export function storage(profile: Profile): Routes {
  const home = `${paths(profile).system}/Storage`;
  const inStorage = `${home}/{storage}/Drives`;
  const inChassis = "/redfish/v1/Chassis/{chassis}/Drives";
  return {
    [home]: {
      get: (call) =>
        collection(
          home,
          "Storage",
          call.hardware.storages.map(({ id }) => `${home}/${id}`),
        ),
    },
    [`${home}/{storage}`]: { gate: needsPower, get: (call) => storageBody(call, home) },
    [`${home}/{storage}/Controllers`]: {
      gate: needsPower,
      get: (call) => {
        const found = storageOf(call);
        if (found === undefined) return undefined;
        const path = `${home}/${found.id}/Controllers`;
        return collection(path, "StorageController", [`${path}/${found.controller.id}`]);
      },
    },
    [`${home}/{storage}/Controllers/{id}`]: {
      gate: needsPower,
      get: (call) => controllerBody(call, home),
    },
    ...drives(inStorage, profile),
    ...drives(inChassis, profile),
    [inChassis]: {
      gate: needsPower,
      get: (call) => {
        const found = call.hardware.storages.find(
          ({ enclosure }) => enclosure === call.params["chassis"],
        );
        if (found === undefined) return undefined;
        return collection(
          `/redfish/v1/Chassis/${found.enclosure}/Drives`,
          "Drive",
          drivePaths(call, found),
        );
      },
    },
  };
}

function drives(home: string, profile: Profile): Routes {
  const drive: Resource = {
    gate: needsPower,
    get: (call) => {
      const found = driveOf(call);
      return found === undefined ? emptyBayBody(call) : driveBody(call, found.storage, found.drive);
    },
  };
  const { drive: erase } = profile.erase;
  if (erase === null) return { [`${home}/{id}`]: drive };
  return {
    [`${home}/{id}`]: drive,
    [`${home}/{id}/Actions/Drive.SecureErase`]: { gate: needsPower, post: secureErase },
    ...(erase.methods === null
      ? {}
      : {
          [`${home}/{id}/SanitizeActionInfo`]: {
            get: (call: Call) => sanitizeInfo(call, erase.methods ?? []),
          },
        }),
  };
}

function needsPower(call: Call): Answer | undefined {
  const { storageNeedsPower: refusal } = call.profile.layout;
  return refusal !== null && powerState(call.machine) === "Off"
    ? refuse(call.profile, refusal)
    : undefined;
}

function storageOf(call: Call): Storage | undefined {
  return call.hardware.storages.find(({ id }) => id === call.params["storage"]);
}

function presentDrives(call: Call, storage: Storage): readonly Drive[] {
  return storage.drives.filter((drive) => !call.machine.pulled.includes(drivePart(drive)));
}

function drivesHome(profile: Profile, storage: Storage): string {
  return storage.enclosure === null
    ? `${paths(profile).system}/Storage/${storage.id}/Drives`
    : `/redfish/v1/Chassis/${storage.enclosure}/Drives`;
}

function drivePaths(call: Call, storage: Storage): readonly string[] {
  const home = drivesHome(call.profile, storage);
  const ids = [...presentDrives(call, storage).map(({ id }) => id), ...storage.emptyBays];
  return ids.map((id) => `${home}/${id}`);
}

function driveOf(call: Call): { readonly storage: Storage; readonly drive: Drive } | undefined {
  const { storage: storageId, chassis, id } = call.params;
  for (const storage of call.hardware.storages) {
    const isHere =
      storage.enclosure === null ? storage.id === storageId : storage.enclosure === chassis;
    if (!isHere) continue;
    const drive = presentDrives(call, storage).find((candidate) => candidate.id === id);
    if (drive !== undefined) return { storage, drive };
  }
  return undefined;
}

function storageBody(call: Call, home: string): Body | undefined {
  const found = storageOf(call);
  if (found === undefined) return undefined;
  const members = drivePaths(call, found);
  return {
    "@odata.id": `${home}/${found.id}`,
    "@odata.type": `#${call.profile.versions.storage}.Storage`,
    Id: found.id,
    Name: found.name,
    Status: healthy,
    Drives: links(members),
    "Drives@odata.count": members.length,
    Controllers: link(`${home}/${found.id}/Controllers`),
    Links: {
      Enclosures: links([`/redfish/v1/Chassis/${found.enclosure ?? call.profile.ids.chassis}`]),
    },
  };
}

function controllerBody(call: Call, home: string): Body | undefined {
  const found = storageOf(call);
  if (found === undefined || found.controller.id !== call.params["id"]) return undefined;
  return {
    "@odata.id": `${home}/${found.id}/Controllers/${found.controller.id}`,
    "@odata.type": "#StorageController.v1_3_0.StorageController",
    Id: found.controller.id,
    Name: found.name,
    Model: found.controller.model,
    FirmwareVersion: found.controller.firmwareVersion,
    SupportedControllerProtocols: ["PCIe"],
    SupportedDeviceProtocols: [...new Set(found.drives.map(({ protocol }) => protocol))],
    Status: healthy,
  };
}

function driveBody(call: Call, storage: Storage, drive: Drive): Body {
  const { profile, machine } = call;
  const path = `${drivesHome(profile, storage)}/${drive.id}`;
  const job = machine.jobs.find(
    ({ result, serials }) => result === "running" && serials.includes(drive.serial),
  );
  const isErasing = job !== undefined && job.startedAt !== null;
  return {
    "@odata.id": path,
    "@odata.type": `#${profile.versions.drive}.Drive`,
    Id: drive.id,
    Name: drive.name,
    Manufacturer: drive.manufacturer,
    Model: drive.model,
    SerialNumber: drive.serial,
    Revision: drive.revision,
    CapacityBytes: drive.capacityBytes,
    BlockSizeBytes: 512,
    MediaType: drive.mediaType,
    Protocol: drive.protocol,
    FailurePredicted: false,
    EncryptionAbility: "SelfEncryptingDrive",
    PhysicalLocation: { PartLocation: { LocationType: "Bay", ServiceLabel: drive.bay } },
    Operations: isErasing
      ? [
          {
            OperationName: "Erase",
            PercentageComplete: erasePercent(call, job.startedAt, job.until),
          },
        ]
      : [],
    Status: { State: isErasing ? "Updating" : "Enabled", Health: "OK" },
    Links: {
      Chassis: link(`/redfish/v1/Chassis/${storage.enclosure ?? profile.ids.chassis}`),
      Volumes: [],
    },
    Actions:
      profile.erase.drive === null
        ? undefined
        : { "#Drive.SecureErase": eraseAction(profile, path) },
  };
}

function erasePercent(call: Call, startedAt: number, until: number | null): number {
  if (until === null) return 0;
  return Math.min(99, Math.floor((100 * (call.now - startedAt)) / (until - startedAt)));
}

/** HPE lists bays without a drive, too. */
function emptyBayBody(call: Call): Body | undefined {
  const { id = "", chassis, storage: storageId } = call.params;
  const found = call.hardware.storages.find(
    (storage) =>
      storage.emptyBays.includes(id) &&
      (storage.enclosure === null ? storage.id === storageId : storage.enclosure === chassis),
  );
  if (found === undefined) return undefined;
  return {
    "@odata.id": `${drivesHome(call.profile, found)}/${id}`,
    "@odata.type": `#${call.profile.versions.drive}.Drive`,
    Id: id,
    Name: "Empty Bay",
    Status: { State: "Absent", Health: "OK" },
  };
}

function eraseAction(profile: Profile, path: string): Body {
  const { drive: erase } = profile.erase;
  return {
    target: `${path}/Actions/Drive.SecureErase`,
    "@Redfish.ActionInfo": erase?.methods === null ? undefined : `${path}/SanitizeActionInfo`,
    "@Redfish.OperationApplyTimeSupport":
      erase?.applyTimes === null || erase === null
        ? undefined
        : {
            "@odata.type": "#Settings.v1_3_3.OperationApplyTimeSupport",
            SupportedValues: erase.applyTimes,
          },
  };
}

function sanitizeInfo(call: Call, methods: readonly string[]): Body | undefined {
  const found = driveOf(call);
  if (found === undefined) return undefined;
  return {
    "@odata.id": `${drivesHome(call.profile, found.storage)}/${found.drive.id}/SanitizeActionInfo`,
    "@odata.type": "#ActionInfo.v1_1_2.ActionInfo",
    Id: "SanitizeActionInfo",
    Name: "Sanitize Action Info",
    Parameters: [
      { Name: "SanitizationType", DataType: "String", Required: false, AllowableValues: methods },
    ],
  };
}

function secureErase(call: Call): Answer {
  const { profile, body } = call;
  const found = driveOf(call);
  const { drive: erase } = profile.erase;
  if (found === undefined || erase === null) return refuse(profile, base.notFound(call.path));
  const {
    SanitizationType: method = erase.defaultMethod,
    "@Redfish.OperationApplyTime": applyTime,
    ...rest
  } = body;
  const [other] = Object.keys(rest).filter((name) => name !== "OverwritePasses");
  if (other !== undefined)
    return refuse(profile, base.unknownParameter("Drive.SecureErase", other));
  const methods = erase.methods ?? [erase.defaultMethod];
  if (typeof method !== "string" || !methods.includes(method)) {
    return refuse(
      profile,
      base.parameterNotInList("Drive.SecureErase", "SanitizationType", method),
    );
  }
  const isKnownTime =
    applyTime === undefined || erase.applyTimes?.some((known) => known === applyTime) === true;
  if (!isKnownTime) {
    return refuse(
      profile,
      base.parameterNotInList("Drive.SecureErase", "@Redfish.OperationApplyTime", applyTime),
    );
  }
  const outcome = call.command({
    do: "erase",
    serials: [found.drive.serial],
    method,
    scope: "drive",
    target: call.path,
    start: applyTime === "OnReset" ? "on-restart" : "now",
  });
  if (outcome.kind !== "changed" || outcome.job === undefined) return refuse(profile, base.inUse());
  return accepted(call, outcome.job);
}
