import type { Condition, HostStatus, State } from "./host.ts";

type Verdict = readonly [type: string, status: Condition["status"], reason: string];

/**
 * The conditions of baremetal-operator v0.13, which follow from state and operational status. A condition keeps its time
 * until its status changes.
 */
export function conditionsOf(status: HostStatus, now: string, generation: number): Condition[] {
  const last = new Map<string, Verdict>();
  for (const verdict of [...byState(status), ...byOperation(status)]) last.set(verdict[0], verdict);
  return [...last.values()].map(([type, is, reason]) => {
    const before = status.conditions?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === is ? before.lastTransitionTime : now;
    const observedGeneration = generation;
    return { type, status: is, reason, message: "", lastTransitionTime, observedGeneration };
  });
}

const progress: Partial<Record<State, string>> = {
  inspecting: "Inspecting",
  preparing: "Preparing",
  provisioning: "Provisioning",
  deprovisioning: "Deprovisioning",
  "powering off before delete": "PoweringOffBeforeDelete",
  deleting: "Deleting",
};

function byState({ provisioning, operationalStatus }: HostStatus): readonly Verdict[] {
  const { state } = provisioning;
  const isManaged = state !== "" && state !== "unmanaged";
  const health: Verdict = isManaged && state !== "registering" ? healthy : unknownHealth;
  switch (state) {
    case "":
    case "unmanaged":
      return [...facts({ manageable: "NotManaged" }), idle, health];
    case "registering": {
      const reason = operationalStatus === "error" ? "RegistrationFailed" : "Registering";
      return [...facts({ manageable: reason }), ["Progressing", "True", "Registering"], health];
    }
    case "available":
      return [...facts({ isAvailable: true }), idle, health];
    case "provisioned":
    case "externally provisioned":
      return [...facts({ isProvisioned: true }), idle, health];
    case "inspecting":
    case "preparing":
    case "provisioning":
    case "deprovisioning":
    case "powering off before delete":
    case "deleting":
      return [...facts({}), ["Progressing", "True", progress[state] ?? state], health];
  }
}

const idle: Verdict = ["Progressing", "False", "NotProgressing"];
const healthy: Verdict = ["Healthy", "True", "Healthy"];
const unknownHealth: Verdict = ["Healthy", "Unknown", "UnknownHealth"];

function facts(known: {
  /** Why it is not manageable. */
  readonly manageable?: string;
  readonly isAvailable?: boolean;
  readonly isProvisioned?: boolean;
}): readonly Verdict[] {
  const { manageable, isAvailable = false, isProvisioned = false } = known;
  const deployed: readonly [Condition["status"], string] = isProvisioned
    ? ["True", "Provisioned"]
    : ["False", "NotProvisioned"];
  return [
    ["Ready", ...deployed],
    isAvailable
      ? ["AvailableForProvisioning", "True", "Available"]
      : ["AvailableForProvisioning", "False", "NotAvailable"],
    manageable === undefined
      ? ["Manageable", "True", "Manageable"]
      : ["Manageable", "False", manageable],
    ["Provisioned", ...deployed],
  ];
}

/** Errors and detachment overrule what the state says. */
function byOperation({ operationalStatus }: HostStatus): readonly Verdict[] {
  if (operationalStatus === "error") return [["Ready", "False", "Error"]];
  if (operationalStatus !== "detached") return [];
  return [
    ["Ready", "False", "Detached"],
    ["Progressing", "False", "Detached"],
  ];
}
