import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A request as the server got it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a string as it is. */
  readonly body?: unknown;
  /** Break the connection: before any byte of the answer, or in the middle of its body. */
  readonly cut?: "before" | "middle";
  /** Answer when this is resolved, and not before. */
  readonly after?: Promise<unknown>;
  /** Never answer. */
  readonly silent?: boolean;
}

/** Answers a request; `times` counts this method and path from 1. */
export type Script = (asked: Asked, times: number) => Answer | undefined;

export interface ScriptedServer {
  /** Everything that was asked, in order. */
  readonly asked: Asked[];
  /** `METHOD path` of what was asked. */
  calls(): string[];
  script: Script;
  /** A kubeconfig with the contexts `first` and `second`, both for this server. */
  readonly kubeconfig: string;
  close(): Promise<void>;
}

/** A refusal as the API server words it (meta/v1 Status). */
export const status = (
  code: number,
  reason: string,
  more: { readonly message?: string; readonly details?: object } = {},
): Answer => ({
  status: code,
  body: {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason,
    code,
    message: more.message ?? `${reason} in words`,
    ...(more.details === undefined ? {} : { details: more.details }),
  },
});

export const kubeconfigText = (cluster: object, token: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "first",
    clusters: [{ name: "one", cluster }],
    users: [{ name: "us", user: { token } }],
    contexts: [
      { name: "second", context: { cluster: "one", user: "us" } },
      { name: "first", context: { cluster: "one", user: "us" } },
    ],
  });

/** A server that says what a test wants it to say; over TLS when it is given a certificate. */
export const startScriptedServer = async (
  script: Script,
  tls: { readonly key: string; readonly cert: string } | null = null,
): Promise<ScriptedServer> => {
  const asked: Asked[] = [];
  const times = new Map<string, number>();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://server");
    const one: Asked = {
      method: request.method ?? "",
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: request.headers,
      body: text === "" ? null : (JSON.parse(text) as unknown),
    };
    asked.push(one);
    const name = `${one.method} ${one.path}`;
    const count = (times.get(name) ?? 0) + 1;
    times.set(name, count);
    const answer = server.script(one, count) ?? {
      status: 404,
      body: "404 page not found\n",
    };
    if (answer.silent === true) return;
    await answer.after;
    if (answer.cut === "before") {
      request.socket.destroy();
      return;
    }
    const body = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {});
    response.writeHead(answer.status ?? 200, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(body),
      ...answer.headers,
    });
    if (answer.cut === "middle") {
      response.write(body.slice(0, Math.floor(body.length / 2)), () => request.socket.destroy());
      return;
    }
    response.end(body);
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch(() => response.destroy());
  };
  const listening = tls === null ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;

  const server: ScriptedServer = {
    asked,
    calls: () => asked.map(({ method, path }) => `${method} ${path}`),
    script,
    kubeconfig: kubeconfigText(
      tls === null
        ? { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true }
        : {
            server: `https://127.0.0.1:${port}`,
            "certificate-authority-data": Buffer.from(tls.cert).toString("base64"),
          },
      "sesame-4711",
    ),
    async close() {
      const closed = new Promise((resolve) => listening.close(resolve));
      listening.closeAllConnections();
      await closed;
    },
  };
  return server;
};
