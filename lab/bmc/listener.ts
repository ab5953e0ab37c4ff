import { createServer } from "node:https";
import type { Server } from "node:https";
import type http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import process from "node:process";
import { discardRest, readRequestBody } from "#lab/request-body.ts";
import type { Certificate } from "#lab/world/journal.ts";
import type { Answer } from "./answer.ts";
import type { Request } from "./service.ts";

export interface ListenerPorts {
  /** Answers a request. Never rejects. */
  readonly serve: (request: Request) => Promise<Answer>;
  /** The disturbance that this request meets, counted off. */
  readonly disturb: (request: Request) => Disturbance | undefined;
  /** True while nobody is at home: every connection is reset, and the port stays taken. */
  readonly isDown: () => boolean;
}

/** What happens to one request instead of, or before, its proper answer. */
export interface Disturbance {
  readonly delayMs?: number;
  /** `before`: nothing is done. `after`: the request is carried out, and its answer lost. */
  readonly cut?: "before" | "after";
  readonly answer?: Answer;
}

const longestBodyBytes = 1024 * 1024;

/** One BMC's HTTPS port. */
export class Listener {
  readonly #ports: ListenerPorts;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(certificate: Certificate, ports: ListenerPorts) {
    this.#ports = ports;
    this.#server = createServer({ key: certificate.key, cert: certificate.cert, keepAlive: true });
    this.#server.on("request", (request, response) => {
      // A request that ends early has no socket any more.
      const { socket } = request;
      this.#handle(request, response, socket).catch((error: unknown) => {
        fail(error, socket);
      });
    });
    // A client that gives up during the handshake is its own affair.
    this.#server.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#server.on("connection", (socket: Socket) => {
      if (this.#ports.isDown()) {
        socket.resetAndDestroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** @returns the port, which is the given one unless that was 0. Rejects when it is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Shows another certificate to everyone who connects from now on. Open connections are cut. */
  replaceCertificate(certificate: Certificate): void {
    this.#server.setSecureContext({ key: certificate.key, cert: certificate.cert });
    this.#cutAll();
  }

  async close(): Promise<void> {
    this.#cutAll();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
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
      body: body.bytes.toString("utf8"),
    };
    if (this.#ports.isDown()) return void socket.destroy();
    const disturbance = this.#ports.disturb(request) ?? {};
    const { delayMs, cut } = disturbance;
    if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (cut === "before") return void socket.destroy();
    const answer = disturbance.answer ?? (await this.#ports.serve(request));
    if (cut === "after") return void socket.destroy();
    // The answer that announces a restart is the last one on its connection.
    if (this.#ports.isDown()) response.setHeader("Connection", "close");
    send(response, answer, request.method === "HEAD");
  }
}

/** A BMC's web server turns a body away before Redfish has seen it, and so without Redfish's words. */
async function refuseTooLarge(
  message: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  response.writeHead(413, { Connection: "close", "Content-Length": 0 });
  response.flushHeaders();
  await discardRest(message);
  response.end();
}

/** No request may end the lab, whatever it is that nobody foresaw. */
function fail(error: unknown, socket: Socket): void {
  const reason = error instanceof Error ? error.message : String(error);
  process.emitWarning(`a BMC's request failed: ${reason}`, {
    detail: error instanceof Error ? (error.stack ?? "") : "",
  });
  socket.destroy();
}

function send(response: http.ServerResponse, answer: Answer, isHead: boolean): void {
  if (response.destroyed) return;
  const isText = typeof answer.body === "string";
  const text = answer.body === undefined ? "" : isText ? answer.body : JSON.stringify(answer.body);
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.body !== undefined)
    response.setHeader("Content-Type", answer.contentType ?? "application/json");
  if (answer.status !== 204) response.setHeader("Content-Length", Buffer.byteLength(text));
  response.end(isHead || answer.status === 204 ? undefined : text);
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
