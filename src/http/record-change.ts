import type { Change, StoredAnswer } from "#engine/requests.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Call } from "./endpoint.ts";
import type { Reply } from "./envelope.ts";
import { type Once, idempotencyKey, requestText } from "./once.ts";

/** Changes that take effect at once, without a run: the one way for every endpoint that makes some. */

interface Wanted<Seen> {
  /** Asked again whenever something has changed meanwhile. `seen`: what was read beside it, for the answer. */
  changes(): Promise<{ readonly changes: readonly Change[]; readonly seen: Seen }>;
  /** From the first change's state after it, null when it is gone. */
  answer(state: unknown, seen: Seen): StoredAnswer;
}

const noRunNeeded = {
  workflow: null,
  version: null,
  estimatedDurationMs: 0,
  pivot: null,
  steps: [],
};

export async function recordChange<Seen>(
  {
    deps: { engine },
    once,
  }: { readonly deps: Pick<ApiDependencies, "engine">; readonly once: Once },
  call: Call<unknown, { readonly plan?: boolean | undefined }, unknown>,
  wanted: Wanted<Seen>,
): Promise<Reply> {
  let seen: { readonly value: Seen } | null = null;
  const changes = async (): Promise<readonly Change[]> => {
    const read = await wanted.changes();
    seen = { value: read.seen };
    return read.changes;
  };
  if (call.query.plan === true)
    return {
      status: 200,
      data: { ...noRunNeeded, refusals: await engine.planRecord({ changes }) },
    };
  const { answer, replayed } = await once.run<{ readonly state: unknown }>({
    caller: call.caller.name,
    key: idempotencyKey(call.headers),
    text: () => requestText(call, call.body),
    answer: ({ state }) => {
      if (seen === null) throw new TypeError("answered before anything was changed");
      return wanted.answer(state, seen.value);
    },
    perform: (idempotency) =>
      engine.record({
        changes,
        by: call.by,
        ...(idempotency !== undefined && { idempotency }),
      }),
  });
  return replayed
    ? { ...answer, headers: { ...answer.headers, "Idempotency-Replayed": "true" } }
    : answer;
}
