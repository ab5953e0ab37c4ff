import https from "node:https";
import { parse } from "yaml";
import { startKubernetes } from "./kubernetes.ts";
import type { Kubernetes, KubernetesOptions } from "./kubernetes.ts";

/** An answer, read to its end. */
export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Parsed; empty when it is no JSON. */
  readonly body: Body;
}

/** Whatever an answer may hold: a test says which of it it expects. */
export interface Body {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly finalizers: readonly string[];
    readonly deletionTimestamp: string;
    readonly continue: string;
    readonly remainingItemCount: number;
  };
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status: unknown;
  readonly items: readonly Body[];
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details: {
    readonly causes: readonly { readonly reason: string; readonly field: string }[];
    readonly retryAfterSeconds: number;
  };
}

interface Ask {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
}

/** One event of a watch. */
export interface Event {
  readonly type: string;
  readonly object: Body;
}

/** A cluster for tests, and a client that knows nothing of Kubernetes. */
export interface TryCluster {
  readonly cluster: Kubernetes;
  ask(method: string, path: string, ask?: Ask): Promise<Told>;
  /** Opens a watch. `next` waits for its next event; undefined when it has ended. */
  watch(path: string): Promise<Watching>;
  end(): Promise<void>;
}

export interface Watching {
  readonly status: number;
  next(): Promise<Event | undefined>;
  /** All events up to the end. */
  rest(): Promise<readonly Event[]>;
  /** What came without being a whole line. */
  remainder(): string;
  close(): void;
}

export async function tryCluster(options: Partial<KubernetesOptions> = {}): Promise<TryCluster> {
  const cluster = await startKubernetes({
    host: "127.0.0.1",
    port: 0,
    clock: () => Date.now(),
    speed: 1000,
    behaviours: [],
    ...options,
  });
  const agent = new https.Agent({ keepAlive: true, ca: authorityOf(cluster) });
  const admin = tokenOf(cluster, "lab-admin");
  const open = (method: string, ask: Ask): https.RequestOptions => ({
    method,
    agent,
    headers: {
      authorization: `Bearer ${ask.token ?? admin}`,
      "user-agent": "try/1.0",
      ...(ask.body === undefined ? {} : { "content-type": ask.type ?? "application/json" }),
      ...ask.headers,
    },
  });
  return {
    cluster,
    ask: (method, path, ask = {}) =>
      new Promise((resolve, reject) => {
        const text =
          ask.body === undefined
            ? undefined
            : typeof ask.body === "string"
              ? ask.body
              : JSON.stringify(ask.body);
        const wanted = open(method, ask);
        const length = text === undefined ? {} : { "content-length": Buffer.byteLength(text) };
        const request = https.request(
          new URL(path, cluster.url),
          { ...wanted, headers: { ...(wanted.headers as object), ...length } },
          (response) => {
            let got = "";
            response.on("data", (chunk: Buffer) => (got += chunk.toString()));
            response.on("error", reject);
            response.on("end", () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                text: got,
                body: parsed(got),
              }),
            );
          },
        );
        request.on("error", reject);
        request.end(text);
      }),
    watch: (path) =>
      new Promise((resolve, reject) => {
        const request = https.request(new URL(path, cluster.url), open("GET", {}));
        request.on("error", reject);
        request.on("response", (response) => {
          const events: Event[] = [];
          const waiting: ((event: Event | undefined) => void)[] = [];
          let rest = "";
          let isOver = false;
          const over = (): void => {
            isOver = true;
            for (const each of waiting.splice(0)) each(undefined);
          };
          response.on("data", (chunk: Buffer) => {
            const lines = (rest + chunk.toString()).split("\n");
            rest = lines.pop() ?? "";
            for (const line of lines) {
              const event = JSON.parse(line) as Event;
              const taker = waiting.shift();
              if (taker === undefined) events.push(event);
              else taker(event);
            }
          });
          response.on("end", over);
          response.on("error", over);
          response.on("close", over);
          const next = (): Promise<Event | undefined> => {
            const event = events.shift();
            if (event !== undefined || isOver) return Promise.resolve(event);
            return new Promise((take) => waiting.push(take));
          };
          resolve({
            status: response.statusCode ?? 0,
            next,
            rest: async () => {
              const all: Event[] = [];
              for (let event = await next(); event !== undefined; event = await next())
                all.push(event);
              return all;
            },
            remainder: () => rest,
            close: () => request.destroy(),
          });
        });
        request.end();
      }),
    end: async () => {
      agent.destroy();
      await cluster.close();
    },
  };
}

interface Config {
  readonly clusters: readonly [{ readonly cluster: Record<string, string> }];
  readonly users: readonly { readonly name: string; readonly user: { readonly token: string } }[];
}

function configOf(cluster: Kubernetes): Config {
  return parse(cluster.kubeconfig) as Config;
}

export function authorityOf(cluster: Kubernetes): string {
  const encoded = configOf(cluster).clusters[0].cluster["certificate-authority-data"] ?? "";
  return Buffer.from(encoded, "base64").toString();
}

/** The bearer token of a user of the kubeconfig. */
export function tokenOf(cluster: Kubernetes, user: string): string {
  const found = configOf(cluster).users.find(({ name }) => name === user);
  if (found === undefined) throw new Error(`the kubeconfig has no user ${user}`);
  return found.user.token;
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {} as Body;
  }
}
