import { z } from "zod";
import { type Child, endChild, startChild } from "./child.ts";

/** The stand-in for Trigger.dev as a process of its own, and what tests may ask of it. */

const Slice = z.object({
  id: z.string(),
  task: z.string(),
  status: z.string(),
  payload: z.string(),
  tags: z.array(z.string()),
  idempotencyKey: z.string().nullable(),
  concurrencyKey: z.string().nullable(),
  maxDuration: z.number().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  error: z.object({ message: z.string() }).nullable(),
});
/** A slice as the platform shows it. */
export type Slice = z.infer<typeof Slice>;

/** What executes slices: the stand-in, or a real Trigger.dev. */
export interface SlicePlatform {
  readonly child: Child;
  readonly url: string;
  readonly secretKey: string;
  /** The slices of a run of ours, in the order in which they were triggered. */
  slicesOf(run: string): Promise<readonly Slice[]>;
  /** As the dashboard's button does. */
  cancel(slice: string): Promise<void>;
  stop(): Promise<void>;
}

const Logs = z.array(
  z.object({ message: z.string(), attributes: z.record(z.string(), z.string()) }),
);

export type StandInFault =
  | "killed"
  | "exits"
  | "terminated"
  | "session-ends"
  | "start-hook-throws"
  | "start-hook-aborts"
  | "middleware-throws"
  | "payload-spoilt"
  | "uncaught"
  | "max-duration"
  | "completion-lost"
  | "vanishes"
  | "delivered-twice"
  | "delivered-late"
  | "expires"
  | "unknown-version";

/** Its faults are asked for; a real platform has its own. */
export interface StandIn extends SlicePlatform {
  fault(
    fault: StandInFault,
    more?: {
      readonly task?: string;
      /** Only slices that bear it, as `resource:srv_01…`. */
      readonly tag?: string;
      readonly times?: number;
      readonly ms?: number;
    },
  ): Promise<void>;
  outage(outage: "down" | "rate-limited" | "none", ms?: number): Promise<void>;
  deploy(): Promise<void>;
  /** What workers logged. */
  logs(): Promise<
    readonly { readonly message: string; readonly attributes: Readonly<Record<string, string>> }[]
  >;
}

/** `env`: what its workers find in their environment. */
export async function startStandIn(
  env: Readonly<Record<string, string>>,
  options: { readonly stallMs?: number; readonly concurrency?: number } = {},
): Promise<StandIn> {
  const child = startChild({
    door: "lab/trigger/main.ts",
    args: [
      "--port",
      "0",
      "--stall-ms",
      String(options.stallMs ?? 4_000),
      "--concurrency",
      String(options.concurrency ?? 4),
    ],
    env,
  });
  const [, url = "", secretKey = ""] = await child.says(
    /ready at (\S+) \(TRIGGER_SECRET_KEY=(\S+)\)/,
  );
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${secretKey}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok)
      throw new Error(`${path} answers ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    child,
    url,
    secretKey,
    slicesOf: async (run) =>
      z
        .array(Slice)
        .parse(await ask("GET", "/_trigger/runs"))
        .filter(({ tags }) => tags.includes(`run:${run}`)),
    fault: async (fault, more = {}) =>
      void (await ask("POST", "/_trigger/faults", { fault, ...more })),
    outage: async (outage, ms) =>
      void (await ask("POST", "/_trigger/outage", { outage, ...(ms !== undefined && { ms }) })),
    logs: async () => Logs.parse(await ask("GET", "/_trigger/logs")),
    deploy: async () => void (await ask("POST", "/_trigger/deploy", {})),
    cancel: async (run) => void (await ask("POST", `/api/v2/runs/${run}/cancel`, {})),
    stop: () => endChild(child),
  };
}
