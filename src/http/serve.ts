import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Api } from "./api.ts";

/** The API on a port. */
export interface HttpServer {
  /** `http://host:port`, with the port that was really taken. */
  readonly url: string;
  /**
   * Stops accepting, ends event streams and held answers, lets requests end, and cuts what has not ended when the
   * patience is over. A second call waits for the first.
   */
  close(): Promise<void>;
}

const DEFAULT_PATIENCE_MS = 10_000;
/** How often connections that have become idle are closed while stopping. */
const IDLE_LOOK_MS = 50;

/** What is not HTTP never reaches the application; it gets the envelope all the same. */
function refuseMalformed(api: Api, socket: Socket): void {
  if (!socket.writable) return;
  const body = api.malformed();
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

export async function serveApi(
  api: Api,
  {
    host,
    port,
    patienceMs = DEFAULT_PATIENCE_MS,
  }: { readonly host: string; readonly port: number; readonly patienceMs?: number },
): Promise<HttpServer> {
  const listener = getRequestListener(api.app.fetch, {
    // What the adapter cannot turn into a request: a target or a Host header that is no URL.
    errorHandler: () =>
      new Response(api.malformed(), {
        status: 400,
        headers: { "Content-Type": "application/json; charset=utf-8" },
      }),
  });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  server.on("clientError", (_error, socket) => refuseMalformed(api, socket as Socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  const name = family === "IPv6" ? `[${address}]` : address;

  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    api.release();
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
    const cut = setTimeout(() => server.closeAllConnections(), patienceMs);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
  };
  let stopping: Promise<void> | null = null;
  return { url: `http://${name}:${taken}`, close: () => (stopping ??= stop()) };
}
