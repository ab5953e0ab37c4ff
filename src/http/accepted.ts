import { runPath } from "#contract/run-path.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Call } from "./endpoint.ts";
import type { Reply } from "./envelope.ts";
import { type Answered, idempotencyHeaders } from "./once.ts";
import { preferredWaitS } from "./prefer.ts";

/** Answers to accepted work: at once, or, when asked to wait, once the run has ended. */

export const mutationHeaders = {
  ...idempotencyHeaders,
  Prefer: "`wait=N`: hold the answer until the run ends, at most N seconds (60 at most)",
} as const;

/** A look is worth it after a tenth of the expected time. */
const retryAfterS = (estimatedMs: number): number =>
  Math.min(30, Math.max(1, Math.ceil(estimatedMs / 10_000)));

export const acceptedHeaders = (
  run: string,
  estimatedMs: number,
): Readonly<Record<string, string>> => ({
  Location: runPath(run),
  "Retry-After": String(retryAfterS(estimatedMs)),
});

/** Replays say so. With `Prefer: wait` the answer is held; `final` reads what the run has led to. */
export async function reply(
  deps: Pick<ApiDependencies, "runs">,
  call: Pick<Call<unknown, unknown, unknown>, "headers" | "signal">,
  { answer, replayed }: Answered,
  final: (workflowId: string) => Promise<unknown>,
): Promise<Reply> {
  const headers = { ...answer.headers, ...(replayed && { "Idempotency-Replayed": "true" }) };
  const location = answer.headers["Location"];
  const { workflowId } = answer.meta;
  const waitS = preferredWaitS(call.headers);
  if (waitS !== null && typeof workflowId === "string") {
    const head = await deps.runs.wait(workflowId, {
      done: ({ settled }) => settled,
      timeoutMs: waitS * 1_000,
      signal: call.signal,
    });
    if (head?.settled === true)
      return {
        status: 200,
        data: await final(workflowId),
        meta: answer.meta,
        headers: {
          ...(location !== undefined && { Location: location }),
          ...(replayed && { "Idempotency-Replayed": "true" }),
          "Preference-Applied": `wait=${waitS}`,
        },
      };
  }
  return { ...answer, headers };
}
