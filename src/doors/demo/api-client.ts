import type { Run } from "#contract/run.ts";

/** The public HTTP API as the demo uses it: nothing that a customer could not do. */

export interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly runId: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface Envelope {
  readonly data?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly meta?: { readonly workflowId?: string };
}

export class ApiClient {
  readonly #base: string;
  readonly #key: string;

  constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  async request(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(new URL(path, this.#base), {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const envelope = (await response.json()) as Envelope;
    return {
      status: response.status,
      data: envelope.data ?? null,
      runId: envelope.meta?.workflowId ?? null,
      error: envelope.error ?? null,
    };
  }

  /** A body that is not JSON, such as a kubeconfig. */
  async text(path: string): Promise<string> {
    const response = await fetch(new URL(path, this.#base), {
      headers: { authorization: `Bearer ${this.#key}` },
    });
    return response.text();
  }

  async run(id: string): Promise<Run> {
    return (await this.request("GET", `/v1/workflows/runs/${id}`)).data as Run;
  }

  /** Each state of the run as it changes, the last one ended and cleaned up. */
  async *watch(id: string): AsyncGenerator<Run> {
    let run = await this.run(id);
    yield run;
    while (run.phase !== "ended") {
      run = (await this.request("GET", `/v1/workflows/runs/${id}?wait=2`)).data as Run;
      yield run;
    }
  }
}
