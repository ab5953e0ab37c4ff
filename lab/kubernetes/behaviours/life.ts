import type { ClusterView } from "./behaviour.ts";

export const second = 1000;
export const minute = 60 * second;

type Clock = Pick<ClusterView, "now" | "speed">;

/** The time at which so many ms of life will have passed, in ms since 1970. */
export function after({ now, speed }: Clock, lifeMs: number): number {
  return Math.ceil(now() + lifeMs / speed);
}

/** How many ms of life are left until that time; 0 when it has come. */
export function left({ now, speed }: Clock, at: number): number {
  return Math.max(0, at - now()) * speed;
}

/** The present as Kubernetes writes it: RFC 3339 in whole seconds. */
export function timestamp(clock: Clock): string {
  return rfc3339(clock.now());
}

export function rfc3339(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}
