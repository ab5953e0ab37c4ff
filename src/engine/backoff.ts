import { rowOf, type Failure } from "#contract/failures.ts";

/** First pause and longest pause of each kind of retry, before pace and jitter. */
const ladders = {
  soon: { firstMs: 1_000, maxMs: 30_000 },
  slowly: { firstMs: 5_000, maxMs: 120_000 },
} as const;

export interface Tried {
  readonly failure: Failure;
  /** How it is retried when not as the table says of its code. */
  readonly retry?: keyof typeof ladders;
  /** Failures before this one. */
  readonly failures: number;
  /** The step's own limit on attempts; undefined: the code's. */
  readonly attempts: number | undefined;
  readonly now: number;
  /** After this there is no point in trying. */
  readonly deadlineAt: number;
  readonly pace: number;
  /** In [0, 1): spreads the retries of many runs that failed together. */
  readonly random: number;
}

/** When a failed attempt is tried again, ms since 1970; null: it is not. */
export function retryAt(tried: Tried): number | null {
  const row = rowOf(tried.failure.code);
  const retry = tried.retry ?? row.retry;
  if (retry === "no") return null;
  if (tried.failures + 1 >= (tried.attempts ?? row.attempts)) return null;
  const { firstMs, maxMs } = ladders[retry];
  const ladderMs = Math.min(maxMs, firstMs * 2 ** tried.failures) * (0.5 + tried.random / 2);
  const pauseMs = Math.max(ladderMs / tried.pace, tried.failure.retryAfterMs ?? 0);
  const at = Math.round(tried.now + pauseMs);
  return at < tried.deadlineAt ? at : null;
}
