import { isDeepStrictEqual } from "node:util";
import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { after, left, minute, second, timestamp } from "#lab/kubernetes/behaviours/life.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { admitHost } from "./admission.ts";
import { pausedAnnotation } from "./annotations.ts";
import { conditionsOf } from "./conditions.ts";
import { readCredentials } from "./credentials.ts";
import { hostFaultsOf } from "./faults.ts";
import { draftStatus, hostFinalizer, hostKind, keyOf, specOf, stateOf } from "./host.ts";
import type { ErrorType, HostStatus, Operation, State } from "./host.ts";
import { takeGivenHardware } from "./inspection.ts";
import { inventMachine } from "./invented-machine.ts";
import type { Machines } from "./machines.ts";
import { decide } from "./states.ts";
import { countDone, stay, tell } from "./turn.ts";
import type { HostMemory, Turn, Verdict } from "./turn.ts";

export interface Metal3Ports {
  readonly machines: Machines;
  /** baremetal-operator's PROVISIONING_LIMIT: how many hosts are inspected, provisioned or cleaned at a time. Default: 20. */
  readonly capacity?: number;
}

/**
 * Plays Metal3's baremetal-operator (v0.13) with Ironic behind it: BareMetalHosts through their states, their Secrets and
 * HardwareData. The machines are those of the port; an address that is none of theirs gets an invented one.
 */
export function metal3(ports: Metal3Ports): Behaviour {
  return {
    manager: "baremetal-operator",
    watches: [{ kind: hostKind }, { kind: "Secret", toKeys: ownersOf }],
    reconciles: [hostKind],
    reconcile: (host, cluster) => reconcile(host, cluster, ports),
    admit: admitHost,
  };
}

function ownersOf(secret: KubeObject): readonly ObjectKey[] {
  const { namespace = "", ownerReferences = [] } = secret.metadata;
  return ownerReferences
    .filter(({ kind }) => kind === "BareMetalHost")
    .map(({ name }) => ({ kind: hostKind, namespace, name }));
}

function reconcile(seen: KubeObject, cluster: ClusterClient, ports: Metal3Ports): number | null {
  if (seen.metadata.annotations?.[pausedAnnotation] !== undefined) return null;
  const host = withFinalizer(seen, cluster);
  if (host === undefined) return null;
  const turn = open(host, cluster, ports);
  if (stateOf(host) !== "") takeGivenHardware(turn);
  const againInMs = carryOut(turn, waitForRetry(turn) ?? decide(turn));
  save(turn);
  return againInMs;
}

function withFinalizer(host: KubeObject, cluster: ClusterClient): KubeObject | undefined {
  const { finalizers = [], deletionTimestamp } = host.metadata;
  if (finalizers.includes(hostFinalizer)) return host;
  if (deletionTimestamp !== undefined) return undefined;
  return cluster.update(keyOf(host), (newest) => ({
    ...newest,
    metadata: { ...newest.metadata, finalizers: [...finalizers, hostFinalizer] },
  }));
}

function open(host: KubeObject, cluster: ClusterClient, ports: Metal3Ports): Turn {
  const spec = specOf(host);
  const memory = structuredClone(cluster.memory<HostMemory>(host) ?? {});
  const isManaged = !["", "unmanaged"].includes(stateOf(host));
  const machine =
    ports.machines.find(spec.bmc?.address ?? "") ?? inventMachine(host, memory, cluster);
  return {
    host,
    spec,
    status: draftStatus(host),
    memory,
    cluster,
    machine,
    credentials: isManaged
      ? readCredentials(host, cluster)
      : { kind: "unusable", message: "the host is not managed", isMissing: false },
    faults: hostFaultsOf([host.metadata.name, machine.name]),
    capacity: ports.capacity ?? 20,
  };
}

/** What a host does that waits after an error; undefined: nothing holds it. What it waits for may have changed: then it looks at once. */
function waitForRetry({ memory, cluster, host, credentials }: Turn): Verdict | undefined {
  const { retry } = memory;
  if (retry === undefined || retry.inputs !== inputsOf(host, credentials)) return undefined;
  if (retry.at === null) return stay(null);
  const ms = left(cluster, retry.at);
  return ms > 0 ? stay(ms) : undefined;
}

function inputsOf({ metadata }: KubeObject, credentials: Turn["credentials"]): string {
  const { generation, annotations, deletionTimestamp } = metadata;
  const version = credentials.kind === "found" ? credentials.version : credentials.message;
  return JSON.stringify([generation, annotations, deletionTimestamp, version]);
}

function carryOut(turn: Turn, verdict: Verdict): number | null {
  switch (verdict.kind) {
    case "stay":
      return verdict.againInMs;
    case "go":
      go(turn, verdict.to);
      if (verdict.succeeded) turn.status.errorCount = 0;
      return 0;
    case "failed":
      return fail(turn, verdict.type, verdict.message);
  }
}

function go({ status, memory, cluster, spec }: Turn, to: State): void {
  const now = timestamp(cluster);
  const ended = operationOf[status.provisioning.state];
  const begun = operationOf[to];
  if (ended !== undefined) {
    const { start } = status.operationHistory[ended];
    status.operationHistory[ended] = { start, end: now };
  }
  if (begun !== undefined) status.operationHistory[begun] = { start: now, end: null };
  if (to === "registering" || to === "inspecting" || to === "provisioning") {
    status.provisioning.bootMode = spec.bootMode ?? "UEFI";
  }
  status.provisioning.state = to;
  delete memory.work;
  delete memory.retry;
  delete memory.power;
  countDone(memory);
}

const operationOf: Partial<Record<State, Operation>> = {
  registering: "register",
  inspecting: "inspect",
  provisioning: "provision",
  deprovisioning: "deprovision",
};

const eventReasons: Record<ErrorType, string> = {
  "registration error": "RegistrationError",
  "inspection error": "InspectionError",
  "preparation error": "PreparationError",
  "provisioning error": "ProvisioningError",
  "power management error": "PowerManagementError",
};

function fail(turn: Turn, type: ErrorType, message: string): number | null {
  const { status, memory, cluster, host, credentials } = turn;
  status.operationalStatus = "error";
  status.errorType = type;
  status.errorMessage = message;
  status.errorCount += 1;
  delete memory.work;
  const waitMs = waitAfter(turn, type);
  const isCredentials = type === "registration error" && credentials.kind === "unusable";
  tell(turn, isCredentials ? "BMCCredentialError" : eventReasons[type], message);
  const at = waitMs === null ? null : after(cluster, waitMs);
  memory.retry = { at, inputs: inputsOf(host, credentials) };
  return waitMs;
}

/** A missing Secret is looked for every ten seconds, a malformed one must change first; everything else is backed off from. */
function waitAfter({ credentials, status }: Turn, type: ErrorType): number | null {
  if (type !== "registration error" || credentials.kind === "found") {
    return backOffMs(status.errorCount);
  }
  return credentials.isMissing ? 10 * second : null;
}

/** Error n is followed by a wait between 2^(n-1) and 2^n minutes, about eight hours at most; here always the middle. */
function backOffMs(errorCount: number): number {
  return Math.min(1.5 * 2 ** (errorCount - 1), 8 * 60) * minute;
}

/** Writes what has changed; a look that changed nothing leaves no trace. */
function save({ host, status, memory, cluster }: Turn): void {
  // Forgotten with the host when the turn has let it go.
  if (cluster.get(keyOf(host))?.metadata.uid !== host.metadata.uid) return;
  const before = cluster.memory<HostMemory>(host) ?? {};
  if (!isDeepStrictEqual(before, memory)) cluster.remember(host, memory);
  const now = timestamp(cluster);
  const known = host["status"] as HostStatus | undefined;
  const conditions = conditionsOf(status, now, host.metadata.generation ?? 1);
  const next: HostStatus = { ...status, conditions };
  if (!isDeepStrictEqual(next, known))
    cluster.updateStatus(keyOf(host), { ...next, lastUpdated: now });
}
