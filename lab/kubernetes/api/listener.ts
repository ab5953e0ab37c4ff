import { createServer } from "node:https";
import type { Server } from "node:https";
import type http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Refusal, requestEntityTooLarge } from "#lab/kubernetes/status.ts";
import { warnOf } from "#lab/kubernetes/warning.ts";
import { discardRest, readRequestBody } from "#lab/request-body.ts";
import type { Answer } from "./call.ts";
import type { Fault, Faults } from "./fault.ts";
import { refused } from "./service.ts";
import type { Reply, Request } from "./service.ts";
import { WatchOutlet } from "./watch-outlet.ts";

export interface ListenerPorts {
  readonly key: string;
  readonly cert: string;
  readonly faults: Faults;
  /** Answers a request. Never throws. */
  readonly serve: (request: Request, disturbWatch: () => Fault["watch"]) => Reply;
}

/** What the real API server takes. */
const longestBodyBytes = 3 * 1024 * 1024;

const noRequest =
  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request";

/** The API server's HTTPS port, where requests meet the lab's disturbances. */
export class Listener {
  readonly #ports: ListenerPorts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answering = new Map<Duplex, http.ServerResponse>();

  constructor(ports: ListenerPorts) {
    this.#ports = ports;
    this.#server = createServer({ key: ports.key, cert: ports.cert, keepAlive: true });
    this.#server.keepAliveTimeout = 90_000;
    this.#server.on("request", (request, response) => {
      // A request that ends early has no socket any more.
      const { socket } = request;
      this.#answering.set(socket, response);
      response.once("close", () => this.#answering.delete(socket));
      this.#handle(request, response, socket).catch((error: unknown) => {
        fail(error, response, socket);
      });
    });
    this.#server.on("clientError", (_error, socket) => this.#refuse(socket));
    // A client that gives up during the handshake is its own affair.
    this.#server.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** @returns the port, which is the given one unless that was 0. Rejects when it is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      // A thousand clients may come at once.
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  async close(): Promise<void> {
    this.cutAll();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** Breaks every connection. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * What comes and is no request is answered in its turn, and the connection ends. It may be the body of a request that gave no length for
   * it, as Node sends a DELETE unless told otherwise: that request is carried out without its body.
   */
  #refuse(socket: Duplex): void {
    const refuse = (): void => {
      if (socket.writable) socket.end(noRequest);
      else socket.destroy();
    };
    const before = this.#answering.get(socket);
    if (before === undefined) refuse();
    else before.once("finish", refuse);
  }

  async #handle(
    message: http.IncomingMessage,
    response: http.ServerResponse,
    socket: Socket,
  ): Promise<void> {
    const body = await readRequestBody(message, longestBodyBytes);
    if (body.kind === "gone") return void socket.destroy();
    if (body.kind === "too-large") return refuseTooLarge(message, response);
    const request: Request = {
      method: message.method ?? "GET",
      url: message.url ?? "/",
      headers: singleHeaders(message.headers),
      body: body.bytes,
    };
    const asked = { method: request.method, path: request.url };
    const fault = this.#ports.faults.take(asked);
    if (fault?.delayMs !== undefined)
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    if (fault?.cut === "before") return void socket.destroy();
    const instead = fault === undefined ? undefined : insteadOf(fault);
    if (instead !== undefined) return send(response, instead);
    const reply = this.#ports.serve(request, () => this.#ports.faults.takeWatch(asked));
    if (fault?.cut === "after") return void socket.destroy();
    if (reply.kind === "answer") return send(response, reply.answer);
    // The end of a client that is gone was told before anybody listened.
    if (response.destroyed) return;
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache" });
    response.flushHeaders();
    const outlet = new WatchOutlet(response);
    reply.watch.open(outlet);
    outlet.opened();
  }
}

/** Somebody who sends too much is told so, and the connection ends: what else was sent on it is not read. */
async function refuseTooLarge(
  message: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const answer = refused(requestEntityTooLarge(longestBodyBytes));
  writeHead(response, { ...answer, headers: { ...answer.headers, Connection: "close" } });
  response.write(answer.text);
  await discardRest(message);
  response.end();
}

/** No request may end the server, whatever it is that nobody foresaw. */
function fail(error: unknown, response: http.ServerResponse, socket: Socket): void {
  warnOf("a request failed", error);
  if (response.headersSent) socket.destroy();
  else send(response, refused(error));
}

/** What a fault answers in the server's place, if it does. */
function insteadOf({ status, rubbish, retryAfterSeconds }: Fault): Answer | undefined {
  if (rubbish === true)
    return { status: 200, contentType: "application/json", text: '{"kind":"List","items":[{' };
  if (status === undefined) return undefined;
  const retry = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  const message = "the lab was asked to answer so";
  return refused(
    new Refusal({ code: status, reason: reasons[status] ?? "", message, details: retry }),
  );
}

const reasons: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function send(response: http.ServerResponse, answer: Answer): void {
  if (response.destroyed) return;
  writeHead(response, answer);
  response.end(answer.text);
}

function writeHead(response: http.ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    ...answer.headers,
    "Content-Type": answer.contentType,
    "Content-Length": Buffer.byteLength(answer.text),
  });
}

function singleHeaders(
  headers: http.IncomingHttpHeaders,
): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
}
