import { Failure } from "#contract/failures.ts";
import type { ReadOptions, WriteOptions } from "#drivers/ports.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";
import type { Access, Entrance } from "./entrance.ts";
import { exchange, type RawAnswer } from "./exchange.ts";
import { type KubernetesTimeouts, maxBodyBytes } from "./options.ts";
import type { Patience } from "./patience.ts";
import { isRefused } from "./refusal.ts";
import type { Turns } from "./turns.ts";

/** What calls to one management cluster go through. */
export interface Way {
  /** Name of the context, for the log. */
  readonly context: string;
  readonly entrance: Entrance;
  readonly turns: Turns;
  readonly timeouts: KubernetesTimeouts;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** What is asked, in words, for messages. */
  readonly what: string;
}

/** A call that may carry `<run>/<step>`, by which an audit log can tell who asked. */
export type CallOptions = ReadOptions & Partial<Pick<WriteOptions, "key" | "life">>;

/**
 * One call in its turn, and its answer whatever its status. It is made once more after a 401, with fresh credentials, and when nobody
 * was found as the kubeconfig said and the kubeconfig says otherwise by now.
 */
export const callThrough = async (
  way: Way,
  call: Call,
  options: CallOptions,
): Promise<RawAnswer> => {
  const release = await way.turns.take(options.signal);
  try {
    const asked: Asked = {
      ...options,
      // Of the call as a whole: who holds a turn holds it for so long and no longer.
      deadline: AbortSignal.timeout(way.timeouts.callMs),
    };
    const access = await accessFor(way, call, asked);
    const first = await ask(way, call, { ...asked, access }).catch((error: unknown) => {
      if (!wasNotFound(error)) throw error;
      return error;
    });
    if (!isWorthAnother(way, access, first)) {
      if (first instanceof Failure) throw first;
      return first;
    }
    return await ask(way, call, { ...asked, access: await accessFor(way, call, asked) });
  } finally {
    release();
  }
};

type Asked = CallOptions & Patience;

const accessFor = ({ entrance }: Way, { what }: Call, patience: Patience): Promise<Access> =>
  entrance.access(patience).catch(told(what));

/** Nothing was sent, because the address or the certificate is not what the kubeconfig says. */
const wasNotFound = (error: unknown): error is Failure =>
  ["tls", "refused", "unreachable"].some((reason) =>
    isRefused(error, "KUBERNETES_UNAVAILABLE", reason),
  );

/** Whether the kubeconfig has, read anew, something else to try. */
const isWorthAnother = (
  { entrance, clock, log, context }: Way,
  { generation }: Access,
  first: RawAnswer | Failure,
): boolean => {
  try {
    if (first instanceof Failure) return entrance.reread(generation, clock.now());
    if (first.status !== 401) return false;
    entrance.reload(generation);
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log("warn", "kubernetes.kubeconfig", { context, reason: error.message });
    return false;
  }
};

const ask = async (
  way: Way,
  call: Call,
  { access, ...options }: Asked & { readonly access: Access },
): Promise<RawAnswer> => {
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  const signal = call.method === "GET" ? options.signal : (options.life ?? options.signal);
  const answer = await exchange(
    {
      method: call.method,
      url: urlOf(access, call),
      agent: access.agent,
      auth: access.auth,
      headers: {
        ...access.headers,
        Accept: "application/json",
        "User-Agent": "millwright",
        ...(options.key === undefined ? {} : { "Idempotency-Key": options.key }),
        ...(body === null ? {} : { "Content-Type": call.contentType ?? "application/json" }),
      },
      body,
    },
    { signal, deadline: options.deadline, maxBytes: maxBodyBytes },
  ).catch(told(call.what));
  way.log("debug", "kubernetes.call", {
    context: way.context,
    what: call.what,
    status: answer.status,
  });
  return answer;
};

const urlOf = ({ server }: Access, { path, query }: Call): URL => {
  const url = new URL(server);
  url.pathname = `${url.pathname.replace(/\/$/, "")}${path}`;
  url.search = new URLSearchParams(query).toString();
  return url;
};

/** A call that broke, with what was asked: of several that a step makes, a person wants to know which. */
const told =
  (what: string) =>
  (error: unknown): never => {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `${what}: ${error.message}`, {
      ...(error.details !== undefined && { details: error.details }),
      cause: error,
    });
  };
