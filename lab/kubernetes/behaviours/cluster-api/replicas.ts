import type { KubeObject } from "#lab/kubernetes/object.ts";
import { conditionOf, type Finding, isTrue, no, yes } from "./conditions.ts";
import { isReadyMachine } from "./machine.ts";
import type { MachineSpec, Replicas } from "./model.ts";
import { isDeleting, specOf } from "./relations.ts";
import { countVersions } from "./versions.ts";

/** What the owners of machines count, in the words of their statuses. */
export function countMachines(machines: readonly KubeObject[]): Replicas & {
  readonly versions?: readonly { readonly version: string; readonly replicas: number }[];
} {
  const ready = machines.filter(isReadyMachine).length;
  const versions = countVersions(
    machines.flatMap((machine) => specOf<MachineSpec>(machine).version ?? []),
  );
  return {
    replicas: machines.length,
    readyReplicas: ready,
    availableReplicas: ready,
    upToDateReplicas: machines.filter((machine) => isTrue(machine, "UpToDate")).length,
    ...(versions.length === 0 ? {} : { versions }),
  };
}

/** The conditions that say how far an owner of machines is from what it is asked for. */
export function scalingFindings(
  desired: number,
  machines: readonly KubeObject[],
  blocked: string | null = null,
): Readonly<Record<string, Finding>> {
  const alive = machines.filter((machine) => !isDeleting(machine)).length;
  const isBelow = alive < desired;
  const isAbove = machines.length > desired;
  return {
    ScalingUp: isBelow
      ? yes("ScalingUp", `Scaling up from ${alive} to ${desired} replicas${because(blocked)}`)
      : no("NotScalingUp", because(blocked).trim()),
    ScalingDown: isAbove
      ? yes("ScalingDown", `Scaling down from ${machines.length} to ${desired} replicas`)
      : no("NotScalingDown"),
  };
}

function because(blocked: string | null): string {
  return blocked === null ? "" : ` is blocked because:\n* ${blocked}`;
}

export function machinesFindings(
  machines: readonly KubeObject[],
): Readonly<Record<string, Finding>> {
  return {
    MachinesReady: aggregated(machines, "Ready", "NotReady"),
    MachinesUpToDate: aggregated(machines, "UpToDate", "NotUpToDate"),
  };
}

/** One condition over all machines: true when it is true of each, and otherwise what each says. */
export function aggregated(
  machines: readonly KubeObject[],
  type: "Ready" | "UpToDate",
  negative: string,
): Finding {
  if (machines.length === 0) return yes("NoReplicas");
  const issues = machines.filter((machine) => !isTrue(machine, type));
  if (issues.length === 0) return yes(type);
  const lines = issues.map((machine) => {
    const said = conditionOf(machine, type)?.message ?? "";
    const indented = said === "" ? "" : `:\n${said.replaceAll(/^/gm, "  ")}`;
    return `* Machine ${machine.metadata.name}${indented}`;
  });
  return no(negative, lines.join("\n"));
}

export function rollingFinding(machines: readonly KubeObject[]): Finding {
  const old = machines.filter((machine) => !isTrue(machine, "UpToDate")).length;
  return old === 0
    ? no("NotRollingOut")
    : yes("RollingOut", `Rolling out ${old} not up-to-date replicas`);
}

/** Whole machines of a figure that may be a percentage. */
export function absolute(
  figure: number | string | undefined,
  of: number,
  fallback: number,
  round: (figure: number) => number,
): number {
  if (figure === undefined) return fallback;
  if (typeof figure === "number") return figure;
  return round((Number.parseFloat(figure) / 100) * of);
}
