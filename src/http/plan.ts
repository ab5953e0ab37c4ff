import { z } from "zod";
import { failureCodes } from "#contract/failures.ts";
import { WorkflowType } from "#contract/run.ts";

/** What `?plan=true` answers: the engine's `Plan`, as a schema. */
export const Plan = z
  .object({
    workflow: WorkflowType.nullable().meta({ description: "Null when no run would be needed" }),
    version: z.number().int().positive().nullable(),
    estimatedDurationMs: z.number().nonnegative(),
    pivot: z
      .object({ beforeStep: z.string(), reason: z.string() })
      .nullable()
      .meta({ description: "The point of no return: nothing is undone from that step on" }),
    steps: z.array(
      z.object({
        name: z.string(),
        expectedMs: z.number().nonnegative(),
        undo: z.string().nullable().meta({
          description: "`undone`; `nothing: ` and why; null past the pivot",
        }),
      }),
    ),
    refusals: z
      .array(
        z.object({
          code: z.enum(failureCodes),
          message: z.string(),
          details: z.unknown().optional(),
        }),
      )
      .meta({
        description:
          "Why the request would be refused now, or its run fail by what is recorded (a cluster's pools lack servers): such a run is accepted, because servers may come free until it draws them. Empty: nothing is known to be in the way",
      }),
  })
  .meta({ id: "Plan" });
