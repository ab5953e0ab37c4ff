import { ApiConnectionError, ApiError, RateLimitError } from "@trigger.dev/core/v3";
import { auth, runs, tasks } from "@trigger.dev/sdk";
import {
  type HandedSlice,
  PlatformAway,
  PlatformRefused,
  type TriggerPlatform,
} from "./platform.ts";

/** Trigger.dev through its own SDK. */

export interface SdkPlatformOptions {
  readonly apiUrl: string;
  readonly secretKey: string;
  /** Seconds that one slice may execute before the platform kills it; its run then goes on in another slice. */
  readonly maxDurationS: number;
  readonly now: () => number;
}

/** One try: how to be patient is decided here, and the SDK waits for a rate limit's reset without saying so. */
const once = { retry: { maxAttempts: 1, minTimeoutInMs: 0, maxTimeoutInMs: 0 } };

/** A platform that takes longer is away. */
const answerMs = 20_000;

const alive = new Set(["PENDING_VERSION", "QUEUED", "DEQUEUED", "EXECUTING", "WAITING", "DELAYED"]);

export const createSdkPlatform = (options: SdkPlatformOptions): TriggerPlatform => {
  const { apiUrl, secretKey, maxDurationS, now } = options;
  auth.configure({ baseURL: apiUrl, accessToken: secretKey });

  const asking = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new PlatformAway(`Trigger.dev at ${apiUrl} did not answer ${what}`, null)),
        answerMs,
      );
    });
    try {
      return await Promise.race([ask(), late]);
    } catch (thrown) {
      throw meaning(thrown, what);
    } finally {
      clearTimeout(timer);
    }
  };

  const meaning = (thrown: unknown, what: string): unknown => {
    if (!(thrown instanceof ApiError)) return thrown;
    const cause = { cause: thrown };
    if (thrown instanceof RateLimitError) {
      const pauseMs = thrown.millisecondsUntilReset ?? 1_000;
      return new PlatformAway("Trigger.dev's rate limit is used up", now() + pauseMs, cause);
    }
    if (thrown instanceof ApiConnectionError)
      return new PlatformAway(`Trigger.dev at ${apiUrl} cannot be reached`, null, cause);
    const status = thrown.status ?? 0;
    if (status >= 500 || status === 408 || status === 409)
      return new PlatformAway(`Trigger.dev answers ${status} to ${what}`, null, cause);
    return new PlatformRefused(
      status === 401 || status === 403
        ? `Trigger.dev at ${apiUrl} refuses TRIGGER_SECRET_KEY (${status})`
        : `Trigger.dev refuses ${what}: ${thrown.message}`,
      cause,
    );
  };

  return {
    trigger: ({ task, payload, resourceId, priority }: HandedSlice) =>
      asking(`the trigger of ${task}`, async () => {
        const { id } = await tasks.trigger(
          task,
          payload,
          {
            idempotencyKey: `${payload.runId}:${payload.slice}`,
            concurrencyKey: resourceId,
            tags: [`run:${payload.runId}`, `type:${task}`, `resource:${resourceId}`],
            maxDuration: maxDurationS,
            maxAttempts: 1,
            priority,
          },
          once,
        );
        return id;
      }),
    fate: (triggerRun) =>
      asking("what became of a run", async () => {
        try {
          const { status } = await runs.retrieve(triggerRun, once);
          if (alive.has(status)) return "alive";
          return status === "CANCELED" ? "cancelled" : "ended";
        } catch (thrown) {
          if (thrown instanceof ApiError && thrown.status === 404) return "ended";
          throw thrown;
        }
      }),
  };
};
