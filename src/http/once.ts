import { Failure } from "#contract/failures.ts";
import type { Engine, Idempotency, StoredAnswer } from "#engine/requests.ts";
import type { Call } from "./endpoint.ts";
import { refusal } from "./refusal.ts";

/** Repeats of one request have one effect: what `Idempotency-Key` asks for. */

/** Printable ASCII without spaces; a space then marks the keys that we derive ourselves. */
const keyForm = /^[\x21-\x7e]{1,255}$/;

export const idempotencyHeaders = {
  "Idempotency-Key":
    "1 to 255 printable characters, new for every change that is meant: a repeat within 24 hours gets the first answer again, with `Idempotency-Replayed: true`",
} as const;

export function idempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key !== null && !keyForm.test(key))
    throw refusal({ "Idempotency-Key": "must be 1 to 255 printable ASCII characters, no spaces" });
  return key;
}

/** The same value gives the same text, whatever the order of its fields. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? ""
  );
}

/** What makes two requests the same: method, path, query and body, however they were written. */
export const requestText = (
  call: Pick<Call<unknown, unknown, unknown>, "method" | "path" | "search">,
  body: unknown,
): string => {
  const search = new URLSearchParams(call.search);
  search.sort();
  return `${call.method} ${call.path}?${search.toString()}\n${canonical(body)}`;
};

export interface Answered {
  readonly answer: StoredAnswer;
  readonly replayed: boolean;
}

interface Attempt<Accepted> {
  readonly caller: string;
  readonly key: string | null;
  /** What makes two requests the same, see `requestText`; made only when there is a key. */
  readonly text: () => string;
  readonly answer: (accepted: Accepted) => StoredAnswer;
  readonly perform: (idempotency: Idempotency<Accepted> | undefined) => Promise<Accepted>;
}

/**
 * The key is written in the transaction that accepts the request, so the request is simply tried: an accepted
 * one costs no extra query. Only one that fails (the key exists, or what the first one did is in its way) asks
 * for the first answer. Within this process, a repeat that comes while the first is under way is refused.
 */
export class Once {
  readonly #engine: Pick<Engine, "recall">;
  readonly #fingerprint: (text: string) => string;
  readonly #underWay = new Set<string>();

  constructor(engine: Pick<Engine, "recall">, fingerprint: (text: string) => string) {
    this.#engine = engine;
    this.#fingerprint = fingerprint;
  }

  async run<Accepted>(attempt: Attempt<Accepted>): Promise<Answered> {
    const { caller, key, answer, perform } = attempt;
    if (key === null) return { answer: answer(await perform(undefined)), replayed: false };
    const place = `${caller}\n${key}`;
    if (this.#underWay.has(place))
      throw new Failure(
        "CONFLICT",
        "the first request with this Idempotency-Key is still under way; send it again in a moment",
      );
    this.#underWay.add(place);
    try {
      const fingerprint = this.#fingerprint(attempt.text());
      try {
        const accepted = await perform({ caller, key, fingerprint, answer });
        return { answer: answer(accepted), replayed: false };
      } catch (thrown) {
        const first = await this.#engine.recall(caller, key, fingerprint);
        if (first === null) throw thrown;
        return { answer: first, replayed: true };
      }
    } finally {
      this.#underWay.delete(place);
    }
  }
}
