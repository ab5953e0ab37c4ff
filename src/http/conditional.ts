import type { Run } from "#contract/run.ts";
import type { RunHead } from "#projections/run-watch.ts";

/**
 * Entity tags of runs. An ended run changes with its stream only. A live one also ages: its progress and its
 * lateness move with the clock, so they are part of the tag, and a 304 never hides them. `durationMs` and `eta`
 * follow from what the tag names and the time, which is why the tag is weak (RFC 9110, 8.8.1).
 */
export const runTag = (run: Run, { version }: RunHead): string =>
  run.phase === "ended"
    ? `W/"${version}"`
    : `W/"${version}.${run.progress.percent}${run.overdue ? ".overdue" : ""}"`;

const opaque = (tag: string): string => tag.trim().replace(/^W\//, "");

/** RFC 9110, 13.1.2: any listed tag that is weakly equal, or `*`. */
export const isFresh = (headers: Headers, tag: string): boolean =>
  (headers.get("if-none-match") ?? "")
    .split(",")
    .some((given) => given.trim() === "*" || opaque(given) === opaque(tag));

/** The stream version that the caller has seen, told by the tag it sends; null when it sends none of ours. */
export function seenVersion(headers: Headers): number | null {
  const match = /^(?:W\/)?"(\d{1,9})[."]/.exec((headers.get("if-none-match") ?? "").trim());
  return match?.[1] === undefined ? null : Number(match[1]);
}
