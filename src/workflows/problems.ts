import { z } from "zod";
import type { Problem } from "#contract/cluster.ts";
import { type Wait, wait } from "#engine/kit.ts";

/** What an operator complains of, as the workflows on Kubernetes treat it. */

/**
 * The complaints when they differ from those that the record has, null otherwise. They are worth a fact because operators clear
 * their errors when they try again.
 */
export function changedProblems(
  known: readonly Problem[],
  seen: readonly Problem[],
): { readonly problems: Problem[] } | null {
  if (text(known) === text(seen)) return null;
  return { problems: seen.map(({ source, reason, message }) => ({ source, reason, message })) };
}

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
