/** A limit on everything, so that one run cannot harm the others. Times are before pace. */
export const limits = {
  /** Events in one run's stream. A wait whose reason keeps changing is what gets there first. */
  eventsPerRun: 5_000,
  /** Events in a stream beyond which it takes no more signals: who repeats itself must not end the run. */
  signalledEvents: 4_000,
  /** Bytes of one request's input, one signal, one step's output, memo or fact, as JSON. */
  payloadBytes: 1_048_576,
  /** Times that a step or its undo may be lost with its process before it counts as failed: it may be what kills it. */
  losses: 10,
  /** How long undo is retried before a person is asked to finish it. */
  undoMs: 24 * 3_600_000,
  /** Failures of one undo after which a person is told, while it is still retried. */
  undoFailuresBeforeAttention: 3,
  /** One attempt of an undo. */
  undoAttemptMs: 600_000,
  /** The last look of a step whose deadline came while it waited. Not before pace: a call takes as long as it takes. */
  lastLookMs: 30_000,
  /**
   * How long a step may go on after its signal aborted before its slice stops waiting for it. Longer than a driver waits for the
   * answer to a write: nothing is undone while it may still arrive.
   */
  abortGraceMs: 20_000,
  /** The same when this process must let the run go. */
  endGraceMs: 5_000,
  /** How long a run can be retried, and its secrets live, after it ended. */
  retryableMs: 7 * 24 * 3_600_000,
  idempotencyMs: 24 * 3_600_000,
} as const;
