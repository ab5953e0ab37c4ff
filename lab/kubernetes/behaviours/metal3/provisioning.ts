import { isDeepStrictEqual } from "node:util";
import { minute, second } from "#lab/kubernetes/behaviours/life.ts";
import { hasPlainReboot, reboot, removePlainReboot } from "./annotations.ts";
import {
  clearError,
  effectKey,
  failed,
  finish,
  isBegun,
  leave,
  remaining,
  stay,
  tell,
} from "./turn.ts";
import type { Turn, Verdict } from "./turn.ts";

const preparationMs = 20 * second;
const deploymentMs = 5 * minute;
const cleaningMs = 3 * minute;
/** Without cleaning there is only the machine to turn off and the deployment to forget. */
const tearDownMs = 20 * second;

/** Ironic's `[conductor] clean_callback_timeout`. */
const cleaningTimeoutMs = 30 * minute;

/** True when RAID, firmware or root device shall be other than they were prepared. */
export function isUnprepared({ spec, status }: Turn): boolean {
  const { provisioning } = status;
  return (
    (spec.raid !== undefined && !isDeepStrictEqual(spec.raid, provisioning.raid)) ||
    (spec.firmware !== undefined && !isDeepStrictEqual(spec.firmware, provisioning.firmware)) ||
    (spec.rootDeviceHints !== undefined &&
      !isDeepStrictEqual(spec.rootDeviceHints, provisioning.rootDeviceHints))
  );
}

export function prepare(turn: Turn): Verdict {
  const { spec, status } = turn;
  const ms = remaining(turn, "prepare", preparationMs);
  if (ms > 0) return stay(ms);
  const { provisioning } = status;
  if (spec.raid !== undefined) provisioning.raid = spec.raid;
  if (spec.firmware !== undefined) provisioning.firmware = spec.firmware;
  if (spec.rootDeviceHints !== undefined) provisioning.rootDeviceHints = spec.rootDeviceHints;
  return finish("available");
}

/** True when the host shall be provisioned and may be: it must be online. */
export function isProvisioningWanted({ spec, status }: Turn): boolean {
  if (!spec.online) return false;
  if ((spec.customDeploy?.method ?? "") !== "") return true;
  return (spec.image?.url ?? "") !== "" && status.provisioning.image.url === "";
}

/** True when what is (or is being) provisioned is no longer what the spec says. */
function isCancelled({ spec, status }: Turn): boolean {
  const { image, customDeploy } = status.provisioning;
  const wantedMethod = spec.customDeploy?.method ?? "";
  const method = customDeploy?.method ?? "";
  const wantedUrl = spec.image?.url ?? "";
  if (wantedMethod !== "") {
    if (method !== "" && method !== wantedMethod) return true;
    return image.url !== "" && image.url !== wantedUrl;
  }
  if (method !== "" || wantedUrl === "") return true;
  return image.url !== "" && image.url !== wantedUrl;
}

/**
 * Writes the image. A failure is not corrected here: the next look finds the error and leaves for `deprovisioning`, from
 * where everything starts over. So an error of provisioning is seen for one back-off only.
 */
export function provision(turn: Turn): Verdict {
  const { host, spec, status, machine, faults } = turn;
  if (status.errorType !== undefined || isCancelled(turn)) return leave("deprovisioning");
  if (reboot(host)?.isForced === true && hasPlainReboot(host)) {
    removePlainReboot(turn);
    delete turn.memory.work;
  }
  if (!isBegun(turn, "provision")) {
    // The deployment ramdisk runs on it.
    machine.setPower("on", "hard", effectKey(turn, "provision"));
    tell(turn, "ProvisioningStarted", `Image provisioning started for ${spec.image?.url ?? ""}`);
  }
  clearError(turn);
  const ms = remaining(turn, "provision", deploymentMs);
  if (ms > 0) return stay(ms);
  const url = spec.image?.url ?? `custom-deploy:${spec.customDeploy?.method ?? ""}`;
  const problem = faults.provisionFails
    ? "the agent could not write the image: checksum mismatch"
    : machine.writeImage(url, effectKey(turn, "provision"));
  if (problem !== null) {
    return failed("provisioning error", `Image provisioning failed: ${problem}`);
  }
  if (spec.image !== undefined) status.provisioning.image = spec.image;
  if (spec.customDeploy !== undefined) status.provisioning.customDeploy = spec.customDeploy;
  tell(turn, "ProvisioningComplete", `Image provisioning completed for ${url}`);
  return finish("provisioned");
}

/** Null: it shall stay provisioned. */
export function keepProvisioned(turn: Turn): Verdict | null {
  return isCancelled(turn) ? leave("deprovisioning") : null;
}

/** Turns the machine off, cleans its disks when the host says so, and forgets what was provisioned. */
export function deprovision(turn: Turn): Verdict {
  const { host, spec, status, machine, faults } = turn;
  const cleans = spec.automatedCleaningMode !== "disabled";
  if (!isBegun(turn, "deprovision")) {
    machine.setPower("off", "hard", effectKey(turn, "deprovision"));
    tell(turn, "DeprovisioningStarted", "Image deprovisioning started");
  }
  if (status.errorType !== undefined) clearError(turn);
  const healthyMs = cleans ? cleaningMs : tearDownMs;
  const ms = remaining(
    turn,
    "deprovision",
    faults.deprovisionHangs ? cleaningTimeoutMs : healthyMs,
  );
  if (ms > 0) return stay(ms);
  const problem = faults.deprovisionHangs
    ? "timeout reached while cleaning the node"
    : cleans
      ? machine.wipe(effectKey(turn, "deprovision"))
      : null;
  if (problem !== null) {
    // Whoever deletes the host gets it deleted, cleaned or not.
    if (host.metadata.deletionTimestamp !== undefined && status.errorCount >= 3) {
      return leave("powering off before delete");
    }
    return failed("provisioning error", `Cleaning failed: ${problem}`);
  }
  if (hasPlainReboot(host)) removePlainReboot(turn);
  status.provisioning.image = { url: "" };
  delete status.provisioning.customDeploy;
  tell(turn, "DeprovisioningComplete", "Image deprovisioning completed");
  return finish(
    host.metadata.deletionTimestamp === undefined ? "available" : "powering off before delete",
  );
}
