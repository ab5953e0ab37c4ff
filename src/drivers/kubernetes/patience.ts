/** How long a call goes on: until its caller stops it, or its time is over. */
export interface Patience {
  readonly signal: AbortSignal;
  readonly deadline: AbortSignal;
}

export type Ended = "aborted" | "timeout";

/** What has ended it already; null: nothing. */
export const endedBy = ({ signal, deadline }: Patience): Ended | null =>
  signal.aborted ? "aborted" : deadline.aborted ? "timeout" : null;

/** Calls `act` when it ends, once at most; what it returns makes that forgotten. */
export const onEnd = ({ signal, deadline }: Patience, act: (why: Ended) => void): (() => void) => {
  const forget = (): void => {
    signal.removeEventListener("abort", onAbort);
    deadline.removeEventListener("abort", onDeadline);
  };
  const end = (why: Ended): void => {
    forget();
    act(why);
  };
  const onAbort = (): void => end("aborted");
  const onDeadline = (): void => end("timeout");
  signal.addEventListener("abort", onAbort, { once: true });
  deadline.addEventListener("abort", onDeadline, { once: true });
  return forget;
};
