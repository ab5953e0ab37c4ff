import { second, timestamp } from "#lab/kubernetes/behaviours/life.ts";
import { seedOf } from "#lab/profiles/seed.ts";
import { keyOf } from "./host.ts";
import type { CredentialsStatus } from "./host.ts";
import { clearError, failed, remaining, stay, tell } from "./turn.ts";
import type { Turn, Verdict } from "./turn.ts";

/** Where the root device is looked for when the host does not say: the operator's profile `unknown`. */
const defaultHints = { deviceName: "/dev/sda" };

/**
 * Makes sure that the machine is known to the provisioner and its BMC lets us in. It is asked at first, after a registration
 * error, and when the Secret has changed. Null: it is registered, go on.
 */
export function register(turn: Turn): Verdict | null {
  const { status, credentials, machine, host, spec } = turn;
  // While a host is deleted its credentials may be gone; nothing is registered then.
  if (credentials.kind === "unusable") return null;
  const isFirst = status.provisioning.state === "registering";
  const isKnown =
    status.goodCredentials.credentialsVersion === credentials.version &&
    status.errorType !== "registration error";
  if (isKnown && !isFirst) return null;
  if (!isFirst && status.operationHistory.register.end !== null) {
    status.operationHistory.register = { start: timestamp(turn.cluster), end: null };
  }
  const tried: CredentialsStatus = {
    credentials: { name: credentials.name, namespace: keyOf(host).namespace },
    credentialsVersion: credentials.version,
  };
  status.triedCredentials = tried;
  if (isFirst) {
    const ms = remaining(turn, `register ${credentials.version}`, 10 * second);
    if (ms > 0) {
      if (status.errorType !== undefined) clearError(turn);
      return stay(ms);
    }
  }
  const access = machine.checkAccess(credentials.username, credentials.password);
  if (access !== "ok")
    return failed("registration error", problem(access, spec.bmc?.address ?? ""));
  if (status.provisioning.ID === "") status.provisioning.ID = seedOf(host.metadata.uid).uuid();
  if (status.hardwareProfile === undefined) {
    status.hardwareProfile = spec.hardwareProfile ?? "unknown";
    tell(turn, "ProfileSet", `Hardware profile set: ${status.hardwareProfile}`);
  }
  status.provisioning.rootDeviceHints ??= spec.rootDeviceHints ?? defaultHints;
  if (status.goodCredentials.credentialsVersion !== credentials.version) {
    status.goodCredentials = tried;
    tell(turn, "BMCAccessValidated", "Verified access to BMC");
  }
  clearError(turn);
  const { start } = status.operationHistory.register;
  if (!isFirst) status.operationHistory.register = { start, end: timestamp(turn.cluster) };
  return null;
}

function problem(access: "refused" | "unreachable", address: string): string {
  const why =
    access === "refused"
      ? "the BMC answered 401 Unauthorized, check user name and password"
      : "the BMC cannot be reached, connection refused";
  return `Failed to get power state for the host at ${address}: ${why}`;
}
