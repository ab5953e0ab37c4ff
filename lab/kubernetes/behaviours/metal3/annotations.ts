import type { KubeObject } from "#lab/kubernetes/object.ts";
import { keyOf } from "./host.ts";
import type { Turn } from "./turn.ts";

export const pausedAnnotation = "baremetalhost.metal3.io/paused";
const detachedAnnotation = "baremetalhost.metal3.io/detached";
const rebootAnnotation = "reboot.metal3.io";
export const inspectAnnotation = "inspect.metal3.io";
export const hardwareDetailsAnnotation = "inspect.metal3.io/hardwaredetails";

export interface Detachment {
  readonly isForced: boolean;
  /** What a deletion does meanwhile. */
  readonly deleteAction: "delay" | "delete";
}

/** Null: the host is not to be detached. A value that is no JSON counts as empty, as in the operator. */
export function detachment(host: KubeObject): Detachment | null {
  const value = host.metadata.annotations?.[detachedAnnotation];
  if (value === undefined) return null;
  const wish = parsed(value);
  return {
    isForced: wish["force"] === true,
    deleteAction: wish["deleteAction"] === "delay" ? "delay" : "delete",
  };
}

export interface Reboot {
  readonly mode: "soft" | "hard";
  readonly isForced: boolean;
}

/** What the reboot annotations ask for together: hard if one of them does. Null: nothing. */
export function reboot(host: KubeObject): Reboot | null {
  const wishes = Object.entries(host.metadata.annotations ?? {})
    .filter(([name]) => name === rebootAnnotation || name.startsWith(`${rebootAnnotation}/`))
    .map(([, value]) => parsed(value));
  if (wishes.length === 0) return null;
  return {
    mode: wishes.some((wish) => wish["mode"] === "hard") ? "hard" : "soft",
    isForced: wishes.some((wish) => wish["force"] === true),
  };
}

export function hasPlainReboot(host: KubeObject): boolean {
  return host.metadata.annotations?.[rebootAnnotation] !== undefined;
}

/** Takes the plain reboot annotation away; one with a key is its client's to remove. */
export function removePlainReboot(turn: Turn): void {
  removeAnnotation(turn, rebootAnnotation);
}

export function removeAnnotation({ cluster, host }: Turn, name: string): void {
  cluster.update(keyOf(host), (newest) => {
    const { [name]: _removed, ...annotations } = newest.metadata.annotations ?? {};
    return { ...newest, metadata: { ...newest.metadata, annotations } };
  });
}

export function isInspectionAsked(host: KubeObject): boolean {
  const value = host.metadata.annotations?.[inspectAnnotation];
  return value !== undefined && value !== "disabled";
}

function parsed(value: string): Readonly<Record<string, unknown>> {
  try {
    const wish: unknown = JSON.parse(value);
    return typeof wish === "object" && wish !== null ? (wish as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
