import { tooManyRequests, unavailable } from "#lab/kubernetes/status.ts";

/** How long after a restart nobody answers, and how long then too many ask, in life. */
const startingMs = 5_000;
const busyMs = 5_000;

/** Whether the API server answers yet. It does at once when the lab starts, and after a while when it was restarted. */
export class Readiness {
  readonly #clock: () => number;
  readonly #speed: number;
  #restartedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: () => number, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
  }

  restart(): void {
    this.#restartedAt = this.#clock();
  }

  isReady(): boolean {
    return this.#age() >= startingMs + busyMs;
  }

  /** A Refusal, 503 at first and then 429, while it is not ready. */
  check(): void {
    const age = this.#age();
    if (age < startingMs) throw unavailable("the API server is starting");
    if (age < startingMs + busyMs) throw tooManyRequests(1);
  }

  #age(): number {
    return (this.#clock() - this.#restartedAt) * this.#speed;
  }
}
