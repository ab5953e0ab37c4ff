import { z } from "zod";
import type { SeenProblem } from "#drivers/cluster-ports.ts";

/** What an operator says of an object (metav1.Condition; older kinds lack some fields). */
export const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(""),
  message: z.string().default(""),
  observedGeneration: z.number().optional(),
  lastTransitionTime: z.string().nullish(),
});
export type Condition = z.infer<typeof Condition>;

export const Conditions = z.array(Condition).default([]);

export const conditionOf = (
  conditions: readonly Condition[],
  type: string,
): Condition | undefined => conditions.find((condition) => condition.type === type);

export const isTrue = (conditions: readonly Condition[], type: string): boolean =>
  conditionOf(conditions, type)?.status === "True";

export const isFalse = (conditions: readonly Condition[], type: string): boolean =>
  conditionOf(conditions, type)?.status === "False";

const longestLine = 300;

/** Operators write lists over several lines; what a wait shows is one. */
export const oneLine = (text: string): string => {
  const line = text
    .split("\n")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join(" ");
  return line.length > longestLine ? `${line.slice(0, longestLine - 1)}…` : line;
};

/** `ScalingUp: Scaling up from 1 to 3 replicas`. */
export const saying = ({ type, reason, message }: Condition): string =>
  oneLine(message === "" ? `${type}: ${reason}` : `${reason || type}: ${message}`);

export const problemOf = (source: string, { type, reason, message }: Condition): SeenProblem => ({
  source,
  reason: reason === "" ? type : reason,
  message: oneLine(message),
  usualSince: null,
});
