import { Failure } from "#contract/failures.ts";

/** Keeps secrets out of failures: BMCs repeat in their messages what was sent to them. */
export class Veil {
  readonly #hidden = new Map<string, string>();

  /** From now on `text` is shown as `instead`. */
  hide(text: string, instead: string): void {
    if (text !== "") this.#hidden.set(text, instead);
  }

  over(failure: Failure): Failure {
    let message = failure.message;
    for (const [secret, instead] of this.#hidden) message = message.replaceAll(secret, instead);
    if (message === failure.message) return failure;
    return new Failure(failure.code, message, {
      details: failure.details ?? {},
      cause: failure.cause,
      ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    });
  }
}
