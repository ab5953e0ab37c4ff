import { Failure } from "#contract/failures.ts";
import type { ResourceType } from "#contract/run.ts";
import type { Server } from "#contract/server.ts";
import type { StoredServer } from "#domain/server/row.ts";
import { serverView } from "#domain/server/view.ts";
import type { ResourceKind } from "#domain/resource-model.ts";
import { plannedRefusal } from "#engine/refusals.ts";
import type { Accepted, Plan, StartRequest, StoredAnswer } from "#engine/requests.ts";
import { acceptedHeaders, reply } from "./accepted.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Call } from "./endpoint.ts";
import type { Reply } from "./envelope.ts";
import { type Answered, type Once, idempotencyKey, requestText } from "./once.ts";
import type { Place } from "./place.ts";

/** Starting a run on a resource: the one way for every endpoint that does. */

/** The kind of resource on which an endpoint starts runs. */
export interface Subject {
  readonly type: ResourceType;
  readonly source: "atlas" | "arc";
  /** The resource of an accepted request, as it was committed: nothing is read for the answer. */
  readonly view: (state: unknown) => { readonly id: string };
  readonly read: (id: string, place: Place) => Promise<object | null>;
}

export type Door = Pick<ApiDependencies, "engine" | "runs"> & {
  readonly once: Once;
  readonly subject: Subject;
};

/** The engine's request without what every call brings. */
export type Wanted = Omit<StartRequest, "by" | "source" | "project" | "idempotency">;

type AnyCall = Call<unknown, unknown, unknown>;

export const notThere = (type: ResourceKind, id: string): Failure =>
  new Failure("NOT_FOUND", `there is no ${type} ${id}`, { details: { [`${type}Id`]: id } });

export const noServer = (id: string): Failure => notThere("server", id);

export const acceptedServer = (state: unknown): Server => serverView(state as StoredServer);

export const serverSubject = (deps: Pick<ApiDependencies, "servers">): Subject => ({
  type: "server",
  source: "atlas",
  view: acceptedServer,
  read: (id, place) => deps.servers.get(id, place),
});

const answerOf =
  ({ view }: Subject) =>
  ({ run, resource }: Accepted): StoredAnswer => {
    const estimatedDuration = Math.round(run.requested.estimatedDurationMs);
    return {
      status: 202,
      headers: acceptedHeaders(run.id, estimatedDuration),
      data: view(resource.state),
      meta: { workflowId: run.id, estimatedDuration },
    };
  };

const requestOf = (
  { subject }: Door,
  { call, place, wanted }: { call: AnyCall; place: Place; wanted: Wanted },
): StartRequest => ({
  ...wanted,
  by: call.by,
  source: subject.source,
  project: place.project,
});

export const planRun = (door: Door, call: AnyCall, place: Place, wanted: Wanted): Promise<Plan> =>
  door.engine.plan(requestOf(door, { call, place, wanted }));

export type Foreseen = (asked: Wanted) => Promise<readonly Failure[]>;

interface Start {
  readonly call: AnyCall;
  readonly place: Place;
  /** Called again for every try, so that each has its own ids. */
  readonly wanted: () => Promise<Wanted>;
  readonly key: string | null;
  readonly text: () => string;
}

export const startOnce = (
  door: Door,
  { call, place, wanted, key, text }: Start,
): Promise<Answered> =>
  door.once.run<Accepted>({
    caller: call.caller.name,
    key,
    text,
    answer: answerOf(door.subject),
    perform: async (idempotency) => {
      const request = requestOf(door, { call, place, wanted: await wanted() });
      return door.engine.start(idempotency === undefined ? request : { ...request, idempotency });
    },
  });

/**
 * A whole endpoint's answer: the plan, or the accepted run, now or once it has ended. `foreseen` tells a plan what the run would fail for by
 * the world as it is recorded: a run is accepted all the same, because the world may change until it comes to that.
 */
export async function startRun(
  door: Door,
  call: AnyCall & { readonly query: { readonly plan?: boolean | undefined } },
  { place, wanted, foreseen }: Pick<Start, "place" | "wanted"> & { readonly foreseen?: Foreseen },
): Promise<Reply> {
  if (call.query.plan === true) {
    const asked = await wanted();
    const plan = await planRun(door, call, place, asked);
    const more = (await foreseen?.(asked)) ?? [];
    const refusals = [...plan.refusals, ...more.map(plannedRefusal)];
    return { status: 200, data: { ...plan, refusals } };
  }
  const answered = await startOnce(door, {
    call,
    place,
    wanted,
    key: idempotencyKey(call.headers),
    text: () => requestText(call, call.body),
  });
  return reply(door, call, answered, async (workflowId) => {
    const { id } = answered.answer.data as { readonly id: string };
    const resource = await door.subject.read(id, place);
    if (resource === null) throw await leftNothing(door, id, workflowId);
    return resource;
  });
}

/**
 * What is answered when the awaited run took its resource back: the run's own error. The resource as it was accepted
 * would be one that nobody can read, with the status of a success.
 */
async function leftNothing(door: Door, resource: string, id: string): Promise<Failure> {
  const { type } = door.subject;
  const run = (await door.runs.get(id))?.run;
  if (run === undefined) return notThere(type, resource);
  const { status, error } = run;
  return new Failure(
    error?.code ?? (status === "cancelled" ? "RUN_CANCELLED" : "NOT_FOUND"),
    `run ${id} ended ${status} and left no ${type}${error === null ? "" : `: ${error.message}`}`,
    {
      details: {
        ...error?.details,
        run: id,
        step: error?.step ?? null,
        [`${type}Id`]: resource,
      },
    },
  );
}
