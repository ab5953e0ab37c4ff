import { z } from "zod";
import { WorkflowType } from "#contract/run.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { single } from "#http/envelope.ts";
import { type Duration, durationMs } from "#engine/duration.ts";
import type { StepDefinition, Workflow } from "#engine/kit.ts";
import { pacedWithinMs } from "#engine/plan.ts";

const WorkflowView = z
  .object({
    type: WorkflowType,
    version: z.number().int().positive(),
    summary: z.string(),
    pivot: z
      .object({ beforeStep: z.string(), reason: z.string() })
      .nullable()
      .meta({ description: "The point of no return" }),
    steps: z.array(
      z.object({
        name: z.string(),
        expectedMs: z.number().nonnegative().meta({
          description: "Declared; runs are estimated from history once there is some",
        }),
        withinMs: z.number().positive().meta({ description: "Deadline over all attempts" }),
        undo: z
          .object({ kind: z.enum(["undo", "nothing"]), why: z.string().nullable() })
          .nullable()
          .meta({ description: "Null past the pivot" }),
      }),
    ),
    input: z
      .record(z.string(), z.unknown())
      .meta({ description: "JSON Schema (2020-12) of a run's input" }),
  })
  .meta({ id: "WorkflowType" });

const undoView = ({ undo }: StepDefinition): { kind: string; why: string | null } | null => {
  if (undo === null) return null;
  return typeof undo === "function"
    ? { kind: "undo", why: null }
    : { kind: "nothing", why: undo.why };
};

const pacedMs = (duration: Duration, pace: number): number =>
  Math.round(durationMs(duration) / pace);

function workflowView(workflow: Workflow, pace: number): z.infer<typeof WorkflowView> {
  const { pivot, steps } = workflow;
  const atPivot = pivot === null ? undefined : steps[pivot.before];
  return {
    type: workflow.type,
    version: workflow.version,
    summary: workflow.summary,
    pivot:
      pivot === null || atPivot === undefined
        ? null
        : { beforeStep: atPivot.name, reason: pivot.reason },
    steps: steps.map((step) => ({
      name: step.name,
      expectedMs: pacedMs(step.times.expected, pace),
      withinMs: pacedWithinMs(step, pace),
      undo: undoView(step) as z.infer<typeof WorkflowView>["steps"][number]["undo"],
    })),
    input: z.toJSONSchema(workflow.input, { io: "input", unrepresentable: "any" }),
  };
}

export function workflowTypeRoutes({ engine }: ApiDependencies): Route[] {
  const view = engine.workflows.map((workflow) => workflowView(workflow, engine.pace));
  return [
    route(
      {
        method: "get",
        path: "/v1/workflows/types",
        tag: "Runs",
        summary: "List the workflow types",
        description:
          "What each type of run does, step by step: what undoes it, where the point of no return is, how long it should take and what input it has.",
        access: "key",
        answers: {
          200: {
            description: "Every type that this process knows",
            schema: single(z.array(WorkflowView)),
          },
        },
      },
      async () => ({ status: 200, data: view }),
    ),
  ];
}
