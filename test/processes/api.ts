import { setTimeout as pause } from "node:timers/promises";
import type { LoggedEvent } from "#contract/logged-event.ts";
import type { Run } from "#contract/run.ts";
import type { Server } from "#contract/server.ts";
import type { LabBmc, LabImage } from "./lab.ts";

/** The public HTTP API as a customer uses it. */

export interface Answer<Data = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Data;
  /** `meta.workflowId` of accepted work, else empty. */
  readonly run: string;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
  } | null;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface AskOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

interface Envelope {
  readonly data?: unknown;
  readonly error?: Answer["error"];
  readonly meta?: Readonly<Record<string, unknown>>;
}

export const serversPath = "/v1/regions/local/projects/default/infrastructure/servers";
export const serverPath = (id: string): string => `${serversPath}/${id}`;
export const runPath = (id: string): string => `/v1/workflows/runs/${id}`;

/** A registration of a lab's machine. */
export const registration = (bmc: LabBmc, more: object = {}): Record<string, unknown> => ({
  bmcAddress: bmc.address,
  username: bmc.username,
  password: bmc.password,
  displayName: bmc.name,
  ...more,
});

export const imageOf = ({ url, format, checksum, checksumType }: LabImage): object => ({
  url,
  format,
  checksum,
  checksumType,
});

/** Between two looks. Nothing is asserted about it. */
const lookEveryMs = 50;

export class Api {
  readonly #origin: () => string;
  readonly #key: string;
  /** Added to a failure's message: what the processes complained about. */
  readonly #complaints: () => string;
  readonly patienceMs: number;

  constructor(options: {
    readonly origin: () => string;
    readonly key: string;
    readonly complaints?: () => string;
    readonly patienceMs?: number;
  }) {
    this.#origin = options.origin;
    this.#key = options.key;
    this.#complaints = options.complaints ?? (() => "");
    this.patienceMs = options.patienceMs ?? 120_000;
  }

  /** The answer as it comes, for streams; rejects when the connection fails. */
  open(method: string, path: string, options: AskOptions = {}): Promise<Response> {
    const { body, headers = {}, timeoutMs } = options;
    const isText = typeof body === "string";
    return fetch(`${this.#origin()}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body !== undefined && !isText && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
      ...(timeoutMs !== undefined && { signal: AbortSignal.timeout(timeoutMs) }),
    });
  }

  async ask<Data = unknown>(
    method: string,
    path: string,
    options: AskOptions = {},
  ): Promise<Answer<Data>> {
    const response = await this.open(method, path, options);
    const text = await response.text();
    const isJson = (response.headers.get("content-type") ?? "").includes("json");
    const envelope = (isJson && text !== "" ? JSON.parse(text) : {}) as Envelope;
    const workflowId = envelope.meta?.["workflowId"];
    return {
      status: response.status,
      headers: response.headers,
      data: (envelope.data ?? null) as Data,
      run: typeof workflowId === "string" ? workflowId : "",
      error: envelope.error ?? null,
      meta: envelope.meta ?? {},
      text,
    };
  }

  /** An answer that must be a success. */
  async good<Data = unknown>(
    method: string,
    path: string,
    options: AskOptions = {},
  ): Promise<Answer<Data>> {
    const answer = await this.ask<Data>(method, path, options);
    if (answer.status >= 400)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}${this.#complaints()}`);
    return answer;
  }

  /** Asks until an answer comes: the process may be dead, and a repeat has the same `Idempotency-Key`. */
  async persist<Data = unknown>(
    method: string,
    path: string,
    options: AskOptions & { readonly key?: string } = {},
  ): Promise<Answer<Data>> {
    const { key, ...asked } = options;
    const headers = { ...asked.headers, ...(key !== undefined && { "idempotency-key": key }) };
    const giveUpAt = Date.now() + this.patienceMs;
    for (;;) {
      const answer = await this.ask<Data>(method, path, {
        timeoutMs: 8_000,
        ...asked,
        headers,
      }).catch(() => null);
      // 409 also says that the first request with this key is still under way.
      const isUnderWay = answer?.error?.message.includes("Idempotency-Key") === true;
      if (answer !== null && answer.status < 500 && !isUnderWay) return answer;
      if (Date.now() > giveUpAt)
        throw new Error(
          `${method} ${path}: no answer; the last was ${answer?.status} ${answer?.text}${this.#complaints()}`,
        );
      await pause(lookEveryMs);
    }
  }

  async run(id: string): Promise<Run> {
    return (await this.persist<Run>("GET", runPath(id))).data;
  }

  async server(id: string): Promise<Server> {
    return (await this.persist<Server>("GET", serverPath(id))).data;
  }

  /** The run once it is as wanted; what it is instead is said when it never is. */
  async until(id: string, wanted: (run: Run) => boolean, what = "as wanted"): Promise<Run> {
    const giveUpAt = Date.now() + this.patienceMs;
    for (;;) {
      const { data: run, error } = await this.persist<Run>("GET", `${runPath(id)}?wait=2`);
      if (error !== null) throw new Error(`${id}: ${error.code} ${error.message}`);
      if (wanted(run)) return run;
      const isOver = Date.now() > giveUpAt;
      if (run.phase === "ended" || isOver)
        throw new Error(
          `${run.type} ${id} ${isOver ? "is still not" : "ended and is not"} ${what}: ${summary(run)}${this.#complaints()}`,
        );
      await pause(lookEveryMs);
    }
  }

  ended(id: string): Promise<Run> {
    return this.until(id, ({ phase }) => phase === "ended", "ended");
  }

  /** Asks for work and follows it to its end. */
  async follow(method: string, path: string, body?: unknown): Promise<Run> {
    const accepted = await this.good(method, path, { body });
    if (accepted.status !== 202) throw new Error(`${method} ${path}: ${accepted.status}, not 202`);
    return this.ended(accepted.run);
  }

  /** Work that must be done as asked. */
  async completed(method: string, path: string, body?: unknown): Promise<Run> {
    const run = await this.follow(method, path, body);
    if (run.status !== "completed")
      throw new Error(
        `${method} ${path}: ${summary(run)}\n${await this.story(run.id)}${this.#complaints()}`,
      );
    return run;
  }

  /** What happened in a run and when, for the message of a failure. */
  async story(run: string): Promise<string> {
    const events = await this.events(run);
    const begin = Date.parse(events[0]?.occurredAt ?? "");
    return events
      .map(({ type, data, occurredAt }) => {
        const text = type === "run.requested" ? "" : JSON.stringify(data).slice(0, 300);
        return `${Date.parse(occurredAt) - begin} ms ${type} ${text}`;
      })
      .join("\n");
  }

  async events(run: string): Promise<readonly LoggedEvent[]> {
    return this.pages<LoggedEvent>(`${runPath(run)}/events?limit=100`);
  }

  /** Every row of a list, by its cursors. */
  async pages<Row>(path: string): Promise<Row[]> {
    const rows: Row[] = [];
    for (let cursor: string | null = null; ;) {
      const mark: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const answer: Answer<Row[]> = await this.persist<Row[]>("GET", `${path}${mark}`);
      if (answer.error !== null) throw new Error(`${path}: ${answer.text}`);
      rows.push(...answer.data);
      const { nextCursor } = answer.meta["pagination"] as { nextCursor: string | null };
      if (nextCursor === null) return rows;
      cursor = nextCursor;
    }
  }
}

/** A run in one line of a failure's message. */
export const summary = (run: Run): string =>
  JSON.stringify({
    status: run.status,
    phase: run.phase,
    cleanup: run.cleanup,
    error: run.error,
    waiting: run.waiting,
    attention: run.attention?.message,
    steps: run.steps.map(({ name, status, attempts }) => `${name} ${status} ${attempts}`),
  });
