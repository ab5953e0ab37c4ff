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

/** What a wait says: what is awaited, what the operator does, and its first complaint. One line for people. */
export function waitFor(what: string, doing: string, problems: readonly Problem[]): Wait {
  const [problem] = problems;
  const complaint = problem === undefined ? "" : ` (${problem.reason}: ${problem.message})`;
  return wait(`waiting for ${what}: ${doing}${complaint}`.slice(0, longest));
}

const longest = 500;
