import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { RunId } from "#contract/ids.ts";
import { ResourceType, Run, RunStatus, type WorkflowType, workflowTypes } from "#contract/run.ts";
import { isFresh, runTag, seenVersion } from "#http/conditional.ts";
import { listQuery, paginationOf } from "#http/cursor.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Call, type Route, route } from "#http/endpoint.ts";
import { type Reply, list, single } from "#http/envelope.ts";
import { MAX_WAIT_S } from "#http/prefer.ts";
import { flag, instantMs, name, paging } from "#http/queries.ts";
import { type RunFilter, RunKey, runSorts } from "#projections/list-query.ts";
import type { ReadRun } from "#projections/run-reader.ts";

export const RunParams = z.strictObject({ runId: RunId });

/** A type, or all types of a kind. */
const TypePattern = z
  .string()
  .transform((text, context): WorkflowType[] => {
    const types = workflowTypes.filter((type) =>
      text.endsWith(".*") ? type.startsWith(text.slice(0, -1)) : type === text,
    );
    if (types.length === 0)
      context.addIssue({
        code: "custom",
        message: `must be one of ${workflowTypes.join(", ")}, or a prefix like server.*`,
      });
    return types;
  })
  .meta({ description: "A workflow type or a prefix like `server.*`", example: "server.*" });

const filterFields = {
  type: z
    .array(TypePattern)
    .max(workflowTypes.length)
    .transform((lists) => [...new Set(lists.flat())].toSorted())
    .optional()
    .meta({ description: "A workflow type or a prefix like `server.*`; may be repeated" }),
  status: RunStatus.optional(),
  triggeredBy: name.optional().meta({ description: "Who asked, by name" }),
  since: instantMs.optional().meta({
    description: "Started at or after this instant; pending runs count by their creation",
  }),
  until: instantMs.optional().meta({ description: "Started before this instant" }),
  attention: flag.optional().meta({ description: "Whether a person is needed" }),
  retryOf: RunId.optional(),
  sort: z.enum(runSorts).default("-createdAt"),
};

/** The runs of one resource: the list's filters but those that the resource answers. */
export const ResourceRunsQuery = z.strictObject({ ...filterFields, ...paging });

export const RunsQuery = z.strictObject({
  ...filterFields,
  resourceType: ResourceType.optional(),
  resourceId: name.optional(),
  project: name.optional(),
  ...paging,
});

const defined = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Value;

/** A page of runs for a checked query. */
export async function runsPage(
  deps: Pick<ApiDependencies, "runs">,
  query: z.output<typeof RunsQuery>,
): Promise<Reply> {
  const { limit, cursor, page, sort, type, ...rest } = query;
  const filter = defined({ ...rest, types: type }) as RunFilter;
  const paged = { limit, cursor, page };
  const found = await deps.runs.list(listQuery({ filter, sort, page: paged }, RunKey));
  return {
    status: 200,
    data: found.items,
    meta: { pagination: paginationOf(found, paged, [filter, sort]) },
  };
}

export const noRun = (id: string): Failure =>
  new Failure("NOT_FOUND", `there is no run ${id}`, { details: { runId: id } });

const listRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: "/v1/workflows/runs",
      tag: "Runs",
      summary: "List runs",
      description:
        "Newest first unless `sort` says otherwise. Filters combine; pages by cursor are stable while runs are added.",
      access: "key",
      query: RunsQuery,
      answers: {
        200: { description: "A page of runs, without input and output", schema: list(Run) },
      },
    },
    ({ query }) => runsPage(deps, query),
  );

const GetQuery = z.strictObject({
  wait: z.coerce.number().int().min(0).max(MAX_WAIT_S).optional().meta({
    description:
      "Seconds to wait for a change: from what If-None-Match names, or from now on. An ended run is answered at once",
  }),
});

type GetCall = Call<{ runId: string }, z.output<typeof GetQuery>, unknown>;

/** Holds the request until the run's stream has moved past what the caller knows, or the time is over. */
async function awaitChange(deps: ApiDependencies, call: GetCall, waitS: number): Promise<void> {
  const { runId } = call.params;
  const seen = seenVersion(call.headers);
  const known = seen ?? (await deps.runs.head(runId))?.version;
  if (known === undefined) return;
  await deps.runs.wait(runId, {
    done: (head) => head.settled || head.version !== known,
    timeoutMs: waitS * 1_000,
    signal: call.signal,
  });
}

const runReply = ({ run, head }: ReadRun, headers: Headers): Reply => {
  const etag = runTag(run, head);
  const cached = { ETag: etag, "Cache-Control": "private, no-cache" };
  return isFresh(headers, etag)
    ? { status: 304, data: null, headers: cached }
    : { status: 200, data: run, headers: cached };
};

const getRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: "/v1/workflows/runs/{runId}",
      tag: "Runs",
      summary: "Read a run",
      description:
        "The status of a change: what it does now, what it waits for and until when, each step, and what a person may have to do. `ETag` changes with the run and with what only time changes (progress, overdue).",
      access: "key",
      params: RunParams,
      query: GetQuery,
      headers: { "If-None-Match": "An ETag; 304 when the run is still as it names" },
      answers: {
        200: { description: "The run", schema: single(Run), headers: { ETag: "Names this state" } },
        304: { description: "The run is as If-None-Match names it" },
      },
      refusals: ["NOT_FOUND"],
    },
    async (call) => {
      const { wait } = call.query;
      if (wait !== undefined && wait > 0) await awaitChange(deps, call, wait);
      const found = await deps.runs.get(call.params.runId);
      if (found === null) throw noRun(call.params.runId);
      return runReply(found, call.headers);
    },
  );

export const runRoutes = (deps: ApiDependencies): Route[] => [listRoute(deps), getRoute(deps)];
