import { Failure } from "#contract/failures.ts";
import { askedDelayMs, isNotDoneYet } from "./refusal.ts";
import { isResource, type Method, type Reply } from "./reply.ts";

/**
 * When a call is made once more within a verb. A GET changes nothing, so whatever looks passing is repeated.
 * A write is repeated only when the BMC certainly did not do it: the connection was refused, it asked to be
 * tried later, or it named one of the known "not yet" codes. All other doubt goes back to the engine, whose
 * next attempt reads the state first. Waits stay short: long ones belong to the engine as well.
 */

export interface Asked {
  readonly method: Method;
  /** A write whose effect the caller can read, so that a 5xx may be followed by a look and another try. */
  readonly repeatOnServerError?: boolean;
}

const readTries = 3;
const writeTries = 6;
const serverErrorTries = 3;
const refusedTries = 3;

/** The longest single pause that a verb makes; a BMC that asks for more is answered by BMC_BUSY. */
export const longestPauseMs = 15_000;

const passing = new Set([429, 500, 502, 503, 504]);

const backoffMs = (tries: number, random: () => number): number =>
  Math.round(500 * 2 ** tries * (0.75 + random() / 2));

const reasonOf = (failure: Failure): unknown => failure.details?.["reason"];

/**
 * How long to pause before the next try, or null to give up and hand `outcome` on. `tries` counts those that
 * were made. Pure: the caller sleeps.
 */
export const pauseBeforeNext = (
  asked: Asked,
  outcome: Reply | Failure,
  context: { readonly tries: number; readonly nowMs: number; readonly random: () => number },
): number | null => {
  const { tries, nowMs, random } = context;
  if (outcome instanceof Failure) {
    if (outcome.code !== "BMC_CONNECTION_FAILED") return null;
    const reason = reasonOf(outcome);
    if (asked.method !== "GET") {
      return reason === "refused" && tries < refusedTries ? backoffMs(tries, random) : null;
    }
    if (tries >= readTries) return null;
    // An idle kept connection that the BMC dropped shows itself as a reset at once: repeat without a pause.
    if (reason === "reset") return tries === 1 ? 0 : backoffMs(tries, random);
    return reason === "timeout" || reason === "refused" ? backoffMs(tries, random) : null;
  }
  const wanted = askedDelayMs(outcome, nowMs);
  if (wanted !== null && wanted > longestPauseMs) return null;
  if (asked.method === "GET") {
    if (tries >= readTries) return null;
    if (outcome.status === 200 && !isResource(outcome)) return backoffMs(tries, random);
    if (passing.has(outcome.status)) return wanted ?? backoffMs(tries, random);
    return null;
  }
  if (isNotDoneYet(outcome)) return tries < writeTries ? (wanted ?? 5000) : null;
  if (outcome.status === 503 && wanted !== null) return tries < readTries ? wanted : null;
  if (asked.repeatOnServerError === true && outcome.status >= 500 && outcome.status !== 501) {
    return tries < serverErrorTries ? 3000 : null;
  }
  return null;
};
