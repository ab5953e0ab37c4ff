import type { Effects, LabCluster } from "./fleet-lab.ts";
import { wholeAt } from "./fleet-lab.ts";
import type { FleetRun } from "./fleet-plane.ts";

/** What must be true of the world when all runs of a fleet have ended, however fast they were. */

interface LabTruth {
  readonly clusters: readonly LabCluster[];
  readonly effects: Effects;
  /** Every object by kind, namespace and name. */
  readonly objects: readonly string[];
}

/** What is wrong, a sentence each; empty when everything is as it was promised. */
export function fleetProblems(
  names: readonly string[],
  { runs, cancelled, leftOpen }: Pick<FleetRun, "runs" | "cancelled" | "leftOpen">,
  { clusters, effects, objects }: LabTruth,
): readonly string[] {
  const problems: string[] = [];
  if (runs.length !== names.length)
    problems.push(`${names.length} runs were accepted, ${runs.length} are there`);
  if (leftOpen > 0) problems.push(`${leftOpen} locks or places in the schedule are left`);
  for (const { run, name, status } of runs) {
    const wanted = cancelled.has(run) ? "cancelled" : "completed";
    if (status !== wanted) problems.push(`${name} is ${status} and not ${wanted}`);
  }
  const kept = new Set(runs.filter(({ status }) => status === "completed").map(({ name }) => name));
  const whole = clusters.filter((cluster) => wholeAt(cluster) !== null);
  for (const { metadata } of clusters)
    if (!kept.has(metadata.name)) problems.push(`${metadata.name} was taken back and is there`);
  if (whole.length !== kept.size)
    problems.push(`${kept.size} clusters should be whole, ${whole.length} are`);
  const taken = names.filter((name) => !kept.has(name));
  for (const object of objects)
    if (taken.some((name) => isPartOf(object, name))) problems.push(`${object} was left behind`);
  return [...problems, ...effectProblems(effects, kept)];
}

/** No name begins with another, and whatever operators make for a cluster begins with its name. */
const isPartOf = (object: string, name: string): boolean =>
  object.slice(object.lastIndexOf("/") + 1).startsWith(name);

/** Every cluster was written once, and nothing was asked twice under one key. */
function effectProblems(effects: Effects, kept: ReadonlySet<string>): readonly string[] {
  const seen = new Map<string, number>();
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  for (const { target, action, key } of effects) {
    if (key !== undefined) count(`${action} of ${target} by ${key}`);
    if (action === "create" && target.startsWith("Cluster/")) count(`create of ${target}`);
  }
  const twice = [...seen].filter(([, times]) => times > 1);
  const missing = [...kept].filter((name) => !seen.has(`create of Cluster/default/${name}`));
  return [
    ...twice.map(([what, times]) => `${what}, ${times} times`),
    ...missing.map((name) => `${name} was never written`),
  ];
}
