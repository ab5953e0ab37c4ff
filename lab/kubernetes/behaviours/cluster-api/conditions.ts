import type { KubeObject } from "#lab/kubernetes/object.ts";

/** A condition as metav1 has it. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  /** May be empty, never absent. */
  readonly message: string;
}

export interface Finding {
  readonly status: Condition["status"];
  readonly reason: string;
  readonly message?: string;
}

export const yes = (reason: string, message = ""): Finding => ({ status: "True", reason, message });
export const no = (reason: string, message = ""): Finding => ({ status: "False", reason, message });

export function conditionsOf(object: KubeObject): readonly Condition[] {
  const status = object["status"] as { readonly conditions?: readonly Condition[] } | undefined;
  return status?.conditions ?? [];
}

export function conditionOf(object: KubeObject, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type);
}

export function isTrue(object: KubeObject | undefined, type: string): boolean {
  return object !== undefined && conditionOf(object, type)?.status === "True";
}

/**
 * The object's conditions with these findings in place of the earlier ones of the same types; null takes a condition away.
 * A condition keeps its time for as long as its status stays the same (metav1's rule).
 */
export function found(
  object: KubeObject,
  now: number,
  findings: Readonly<Record<string, Finding | null>>,
): readonly Condition[] {
  const earlier = conditionsOf(object);
  const kept = earlier.filter(({ type }) => !(type in findings));
  const news = Object.entries(findings).flatMap(([type, finding]) => {
    if (finding === null) return [];
    const before = earlier.find((condition) => condition.type === type);
    const changed = before === undefined || before.status !== finding.status;
    return [
      {
        type,
        status: finding.status,
        observedGeneration: object.metadata.generation ?? 1,
        lastTransitionTime: changed ? timeOf(now) : before.lastTransitionTime,
        reason: finding.reason,
        message: finding.message ?? "",
      },
    ];
  });
  return [...kept, ...news].toSorted((a, b) => (a.type < b.type ? -1 : 1));
}

/** RFC 3339 in seconds, as Kubernetes writes times. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
