import { z } from "zod";
import type { FailureCode } from "#contract/failures.ts";
import { Run } from "#contract/run.ts";
import { ServerRegisterInput } from "#contract/server-inputs.ts";
import type { ActRequest, RetryRequest, StoredAnswer } from "#engine/requests.ts";
import type { RunState } from "#engine/run-state.ts";
import { acceptedHeaders, mutationHeaders, reply } from "#http/accepted.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Call, type Route, route } from "#http/endpoint.ts";
import { accepted, single } from "#http/envelope.ts";
import { type Once, idempotencyKey, requestText } from "#http/once.ts";
import { Plan } from "#http/plan.ts";
import { refuseUnlisted } from "#http/pool-list.ts";
import { PlanQuery } from "#http/queries.ts";
import { editedInput } from "#http/retry-edit.ts";
import { RunParams, noRun } from "./runs.ts";

const Reason = z.string().trim().min(1).max(500);
const ReasonBody = z.strictObject({ reason: Reason.optional() }).meta({ id: "Act" });
const AbandonBody = z
  .strictObject({
    reason: Reason.meta({ description: "Why the rest is handled by hand; stands in the record" }),
  })
  .meta({ id: "Abandon" });
const RetryBody = z
  .strictObject({
    fromStep: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: "Begin here and reuse the outputs of the steps before" }),
    input: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({
        description:
          "Fields of the request that the run came from, in place of what they were and checked like there; new `username` and `password`, `userData` or `networkData` are stored encrypted, null takes an optional field away. With `fromStep`, only what no reused step has acted on",
        example: { bmcAddress: "10.0.0.6", username: "root", password: "calvin" },
      }),
    reason: Reason.optional(),
  })
  .meta({ id: "Retry" });

type PlainAct = "cancel" | "pause" | "resume" | "undo" | "abandon";

interface ActText {
  readonly act: PlainAct;
  readonly summary: string;
  readonly description: string;
  readonly refusals: readonly FailureCode[];
}

const acts: readonly ActText[] = [
  {
    act: "cancel",
    summary: "Cancel a run",
    description:
      "Allowed until the run has passed its pivot. What started is undone, last first, and the run ends `cancelled`. Asking again changes nothing; of a run that failed and is being undone it is refused, with what the undo waits for.",
    refusals: ["PAST_PIVOT", "INVALID_STATE_TRANSITION"],
  },
  {
    act: "pause",
    summary: "Pause a run",
    description: "No new step starts, and deadlines stand still, until it is resumed.",
    refusals: ["INVALID_STATE_TRANSITION"],
  },
  {
    act: "resume",
    summary: "Resume a paused run",
    description: "Goes on where it was paused; deadlines move by the time of the pause.",
    refusals: ["INVALID_STATE_TRANSITION"],
  },
  {
    act: "undo",
    summary: "Undo a failed run",
    description: "Runs the undo steps of a failed run whose cleanup is `held` or `incomplete`.",
    refusals: ["INVALID_STATE_TRANSITION"],
  },
  {
    act: "abandon",
    summary: "Abandon a run that needs attention",
    description:
      "Declares the rest handled by hand and frees the resource. The reason stands in the record.",
    refusals: ["INVALID_STATE_TRANSITION"],
  },
];

type ActCall = Call<
  { runId: string },
  z.output<typeof PlanQuery>,
  { readonly reason?: string | undefined }
>;

const byOf = ({ by, body }: Pick<ActCall, "by" | "body">) => ({
  ...by,
  ...(body.reason !== undefined && { reason: body.reason }),
});

/** The run as it now is, and how long it may still take. */
function answerOf(deps: ApiDependencies, run: RunState): StoredAnswer {
  const data = deps.runs.view(run);
  const estimatedDuration = data.estimatedDurationMs;
  return {
    status: 202,
    headers: acceptedHeaders(run.id, estimatedDuration),
    data,
    meta: { workflowId: run.id, estimatedDuration },
  };
}

const finalRun = (deps: ApiDependencies) => async (id: string) => {
  const found = await deps.runs.get(id);
  if (found === null) throw noRun(id);
  return found.run;
};

const answers = {
  200: {
    description: "With `Prefer: wait`: the run, ended. With `plan=true`: what would happen",
    schema: single(z.union([Run, Plan])),
  },
  202: {
    description: "Accepted; the run as it now is",
    schema: accepted(Run),
    headers: {
      Location: "Where the run is read",
      "Retry-After": "Seconds until a look is worth it",
    },
  },
};

function actRoute(deps: ApiDependencies, once: Once, text: ActText): Route {
  const { act, summary, description } = text;
  return route(
    {
      method: "post",
      path: `/v1/workflows/runs/{runId}/${act}`,
      tag: "Runs",
      summary,
      description,
      access: "key",
      params: RunParams,
      query: PlanQuery,
      headers: mutationHeaders,
      body: {
        schema: act === "abandon" ? AbandonBody : ReasonBody,
        example: { reason: "wrong image" },
      },
      answers,
      refusals: ["NOT_FOUND", "CONFLICT", "IDEMPOTENCY_KEY_REUSED", ...text.refusals],
    },
    async (call: ActCall) => {
      const request: ActRequest = { run: call.params.runId, by: byOf(call) };
      if (call.query.plan === true)
        return { status: 200, data: await deps.engine.planAct(act, request) };
      const answered = await once.run<RunState>({
        caller: call.caller.name,
        key: idempotencyKey(call.headers),
        text: () => requestText(call, call.body),
        answer: (run) => answerOf(deps, run),
        perform: (idempotency) =>
          deps.engine[act](idempotency === undefined ? request : { ...request, idempotency }),
      });
      return reply(deps, call, answered, finalRun(deps));
    },
  );
}

const retryRoute = (deps: ApiDependencies, once: Once): Route =>
  route(
    {
      method: "post",
      path: "/v1/workflows/runs/{runId}/retry",
      tag: "Runs",
      summary: "Retry a failed or cancelled run",
      description:
        "Answers with a new run that has the same input, or an edited one, from the start or from a step on.",
      access: "key",
      params: RunParams,
      query: PlanQuery,
      headers: mutationHeaders,
      body: { schema: RetryBody, example: { fromStep: "await-install", reason: "mirror is back" } },
      answers,
      refusals: ["NOT_FOUND", "CONFLICT", "INVALID_STATE_TRANSITION", "IDEMPOTENCY_KEY_REUSED"],
    },
    async (call) => {
      const { fromStep, input: edit } = call.body;
      const request = { run: call.params.runId, by: byOf(call) };
      const wanted = async (): Promise<RetryRequest> => {
        const run = await finalRun(deps)(request.run);
        const edited = edit === undefined ? {} : await editedInput(deps, { run, edit, fromStep });
        const registration = ServerRegisterInput.safeParse(edited.input ?? run.input).data;
        // The pool may have gone since it was named.
        if (run.type === "server.register") await refuseUnlisted(deps, run, registration?.pool);
        return { ...(fromStep !== undefined && { fromStep }), ...edited };
      };
      if (call.query.plan === true) {
        const data = await deps.engine.planAct("retry", { ...request, retry: await wanted() });
        return { status: 200, data };
      }
      const answered = await once.run({
        caller: call.caller.name,
        key: idempotencyKey(call.headers),
        text: () => requestText(call, call.body),
        answer: (made: { readonly run: RunState }) => answerOf(deps, made.run),
        perform: async (idempotency) => {
          const retry = await wanted();
          return deps.engine.retry({
            ...request,
            retry,
            ...(idempotency !== undefined && { idempotency }),
          });
        },
      });
      return reply(deps, call, answered, finalRun(deps));
    },
  );

export const runActRoutes = (deps: ApiDependencies, once: Once): Route[] => [
  ...acts.map((text) => actRoute(deps, once, text)),
  retryRoute(deps, once),
];
