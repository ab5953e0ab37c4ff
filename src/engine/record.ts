import { Failure } from "#contract/failures.ts";
import type { ResourceKind } from "#domain/resource-model.ts";
import { refusal } from "./accept.ts";
import type { EngineCore } from "./core.ts";
import { plannedRefusal } from "./refusals.ts";
import type { Change, Plan, RecordRequest } from "./requests.ts";
import type { LoadedResource } from "./resources.ts";

/** Changes that need no run, of one resource or of several in one transaction. */

const RACES = 20;

type Core = Pick<EngineCore, "resources" | "journal" | "clock">;

interface Decided {
  readonly resource: LoadedResource<ResourceKind>;
  readonly facts: Exclude<ReturnType<Change["facts"]>, Failure>;
}

/** Reads only. Throws the first refusal, in the order of the changes. */
async function decide(
  core: Pick<Core, "resources">,
  changes: readonly Change[],
): Promise<readonly Decided[]> {
  const loaded = await loadAll(core, changes);
  return changes.map(({ resource: { type, id }, facts: follow }) => {
    const resource = loaded.get(id);
    if (resource === undefined) throw new TypeError(`${type} ${id} was not looked for`);
    const facts = follow(resource.state);
    if (facts instanceof Failure) throw facts;
    return { resource, facts };
  });
}

/** By id. One statement for each kind: who deletes a pool changes thousands of servers. */
async function loadAll(
  { resources }: Pick<Core, "resources">,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, LoadedResource<ResourceKind>>> {
  const loaded = new Map<string, LoadedResource<ResourceKind>>();
  for (const kind of new Set(changes.map(({ resource }) => resource.type))) {
    const ids = changes.flatMap(({ resource: { type, id } }) => (type === kind ? [id] : []));
    for (const each of await resources.loadAll<ResourceKind>(kind, ids)) loaded.set(each.id, each);
  }
  return loaded;
}

export async function record(
  core: Core,
  request: RecordRequest,
): Promise<{ readonly state: unknown }> {
  const { actor, requestId } = request.by;
  for (let race = 0; race < RACES; race += 1) {
    const decided = await decide(core, await request.changes());
    const [first] = decided;
    if (first === undefined) throw new TypeError("a request to record nothing");
    const at = core.clock.now();
    const written = decided.map(({ resource, facts }) =>
      core.resources.write(resource, facts, { at, run: null, actor, requestId }),
    );
    const answered = { state: written[0]?.after.state ?? null };
    const result = await core.journal.commit({
      appends: decided.flatMap(({ resource, facts }, index) =>
        facts.length === 0
          ? // An append of nothing writes nothing, if the stream is as it was read.
            [{ stream: resource.id, expected: resource.version, events: [] }]
          : (written[index]?.appends ?? []),
      ),
      rows: written.flatMap(({ rows }) => rows),
      disownSecrets: written.flatMap(({ secrets }) => secrets.disownSecrets ?? []),
      ...(request.idempotency !== undefined && {
        keys: [
          {
            caller: request.idempotency.caller,
            key: request.idempotency.key,
            fingerprint: request.idempotency.fingerprint,
            answer: request.idempotency.answer(answered),
            at,
          },
        ],
      }),
    });
    if (result.ok) return answered;
    const failure = refusal(result.conflict, first.resource);
    if (failure !== null) throw failure;
  }
  throw new Failure("UNAVAILABLE", "what is to be changed keeps changing; try again", {
    retryAfterMs: 1_000,
  });
}

/** What `record` would be refused for, without writing anything. */
export async function planRecord(
  core: Pick<Core, "resources">,
  request: Pick<RecordRequest, "changes">,
): Promise<Plan["refusals"]> {
  try {
    await decide(core, await request.changes());
    return [];
  } catch (thrown) {
    return [plannedRefusal(thrown)];
  }
}
