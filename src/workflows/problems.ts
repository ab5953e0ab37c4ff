import { z } from "zod";
import type { Problem } from "#contract/cluster.ts";
import { type Wait, wait } from "#engine/kit.ts";

/** What an operator complains of, as the workflows on Kubernetes treat it. */

/** What the record has been told of complaints. */
interface Told {
  readonly problems: readonly Problem[];
  readonly problemsAt: number | null;
}

/** Of a look: when it was (ms since 1970), at which pace, and whether what it was for is there: then nobody waits any more. */
interface Look {
  readonly now: () => number;
  readonly pace: number;
  readonly isDone: boolean;
}

/**
 * The complaints that the record should have, when they are others than it has; null otherwise. They are worth a fact because
 * operators clear their errors when they try again. An operator that tries again for an hour must not fill the journal, though: while
 * something is waited for, and what was told is fresh, only complaints of another kind are told, beside those that have passed meanwhile.
 */
export function changedProblems(
  { problems: known, problemsAt }: Told,
  seen: readonly Problem[],
  { now, pace, isDone }: Look,
): { readonly problems: Problem[] } | null {
  const isFresh = !isDone && problemsAt !== null && (now() - problemsAt) * pace < freshMs;
  if (!isFresh) return text(known) === text(seen) ? null : { problems: seen.map(plain) };
  const isTold = seen.every((problem) => known.some((other) => says(other, problem)));
  if (isTold) return null;
  const passed = known.filter((problem) => !seen.some((other) => isSameKind(problem, other)));
  // What was known stands the newest first, so what is dropped has passed the longest ago.
  const kept = passed.slice(0, Math.max(0, mostProblems - seen.length));
  return { problems: [...seen, ...kept].map(plain) };
}

/** In declared time: as long as operators pause at most between two tries. */
const freshMs = 300_000;

/** Of those that have passed no more are kept beside what is seen: an operator may complain of something else at each try. */
const mostProblems = 20;

const isSameKind = (one: Problem, other: Problem): boolean =>
  one.source === other.source && one.reason === other.reason;

/** One that says only its reason does not stand for one that explains it. */
const says = (told: Problem, problem: Problem): boolean =>
  isSameKind(told, problem) && (told.message !== "" || problem.message === "");

const plain = ({ source, reason, message }: Problem): Problem => ({ source, reason, message });

const text = (problems: readonly Problem[]): string =>
  problems.map(({ source, reason, message }) => `${source}\n${reason}\n${message}`).join("\n\n");

/**
 * What a wait says: what is awaited, what the operator does, and its first complaint. One line for people. A step that gives
 * what it remembers hears of the last complaint also when it has passed: an operator that tries again is silent until it fails again, and that is when a
 * deadline may come.
 */
export function waitFor(
  what: string,
  doing: string,
  problems: readonly Problem[],
  remembered?: { readonly memo: unknown },
): Wait {
  const before = LastComplaint.safeParse(remembered?.memo).data?.lastComplaint;
  // One that says only its reason explains less than what was said before it.
  const problem = problems.find(({ message }) => message !== "");
  const now = problem === undefined ? undefined : `${problem.reason}: ${problem.message}`;
  const lastComplaint = now ?? before ?? problems[0]?.reason;
  const isSaid = problem !== undefined && doing.includes(problem.message);
  const complaint =
    lastComplaint === undefined || isSaid || doing.includes(lastComplaint)
      ? ""
      : ` (${now === undefined && before !== undefined ? "before that, " : ""}${lastComplaint})`;
  return wait(`waiting for ${what}: ${doing}${complaint}`.slice(0, longest), {
    ...(remembered !== undefined && lastComplaint !== undefined && { memo: { lastComplaint } }),
  });
}

const LastComplaint = z.object({ lastComplaint: z.string() });
const longest = 500;
