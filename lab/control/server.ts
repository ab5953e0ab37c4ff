import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { routes } from "./routes.ts";
import type { Context } from "./context.ts";
import { fail } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { sendImage } from "./image.ts";
import type { LabImage } from "#lab/images/catalogue.ts";

const longestBodyBytes = 1024 * 1024;

/** The lab's own HTTP port: what is there, what happened, what shall go wrong, and the images. */
export class ControlServer {
  readonly #server: Server;
  readonly #images: readonly LabImage[];
  #host = "127.0.0.1";
  #context: Context | undefined;

  constructor(images: readonly LabImage[]) {
    this.#images = images;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  /**
   * Takes the port, so that a second lab finds out before it touches any state. Images are served at once: a machine
   * that was booting when the lab ended reads them again before the lab is open. The rest is 503 until `open`.
   */
  async listen(host: string, port: number): Promise<string> {
    // Somebody who listens everywhere is still reached at the loopback address.
    this.#host = host === "0.0.0.0" ? "127.0.0.1" : host;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    return this.#origin("http", (this.#server.address() as AddressInfo).port);
  }

  open(context: Omit<Context, "addressOf" | "images">): void {
    const addressOf = (port: number): string => this.addressOf(port);
    this.#context = { ...context, images: this.#images, addressOf };
  }

  /** The origin of a BMC's port. */
  addressOf(port: number): string {
    return this.#origin("https", port);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #origin(scheme: string, port: number): string {
    return `${scheme}://${this.#host.includes(":") ? `[${this.#host}]` : this.#host}:${port}`;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? "/", "http://lab");
      if (url.pathname.startsWith("/images/"))
        return sendImage(this.#images, request, response, url.pathname);
      const context = this.#context;
      if (context === undefined) return send(response, fail(503, "the lab is starting"));
      const body = await readJson(request);
      if ("problem" in body) return send(response, body.problem);
      send(response, await this.#route(context, request.method ?? "GET", url, body.value));
    } catch (error) {
      send(response, fail(500, error instanceof Error ? error.message : String(error)));
    }
  }

  #route(context: Context, method: string, url: URL, body: unknown): Reply | Promise<Reply> {
    const segments = url.pathname
      .split("/")
      .filter((segment) => segment !== "")
      .map(decodeURIComponent);
    const matching = routes.filter((route) => matches(route.path, segments));
    const [route] = matching.filter((candidate) => candidate.method === method);
    if (route !== undefined)
      return route.handle(context, { segments, query: url.searchParams, body });
    if (matching.length > 0) {
      const allowed = matching.map((candidate) => candidate.method).join(", ");
      return fail(405, `${method} is not allowed on ${url.pathname}; allowed: ${allowed}`);
    }
    const known = [...new Set(routes.map((candidate) => `/${candidate.path.join("/")}`))];
    return fail(
      404,
      `there is no ${url.pathname}; there are ${known.join(", ")} and /images/<name>.iso`,
    );
  }
}

function matches(template: readonly string[], segments: readonly string[]): boolean {
  return (
    template.length === segments.length &&
    template.every((part, index) => part.startsWith("{") || part === segments[index])
  );
}

type Read = { readonly value: unknown } | { readonly problem: Reply };

async function readJson(request: IncomingMessage): Promise<Read> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    length += bytes.length;
    if (length > longestBodyBytes) return { problem: fail(413, "the body is longer than 1 MiB") };
    chunks.push(bytes);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (text === "") return { value: {} };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { problem: fail(400, "the body is not JSON") };
  }
}

function send(response: ServerResponse, reply: Reply): void {
  const text = `${JSON.stringify(reply.body, null, 2)}\n`;
  response.writeHead(reply.status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text);
}
