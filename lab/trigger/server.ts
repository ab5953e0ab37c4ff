import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { Fault, Outage } from "./fault.ts";
import type { Platform } from "./platform.ts";
import { runBody, TriggerBody } from "./run.ts";
import { type Told, toldIn } from "./told.ts";

/**
 * The calls of Trigger.dev's API that our use of its SDK makes, and `/_trigger`, where tests ask for faults and look at
 * what there is.
 */

const Metadata = z.object({
  metadata: z.record(z.string(), z.unknown()).optional(),
  operations: z
    .array(z.object({ type: z.string(), key: z.string().optional(), value: z.unknown() }).loose())
    .optional(),
});

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Log records that are kept. */
const MOST_TOLD = 1_000;

const ok = (body: unknown): Answer => ({ status: 200, body });
const notFound: Answer = { status: 404, body: { error: "Run not found" } };

interface Asked {
  readonly method: string;
  readonly path: readonly string[];
  readonly body: unknown;
}

export interface ServerOptions {
  readonly platform: Platform;
  readonly secretKey: string;
  readonly now: () => number;
}

export class TriggerServer {
  readonly #options: ServerOptions;
  readonly #server: Server;
  #outage: { readonly kind: Outage["outage"]; readonly until: number } = { kind: "none", until: 0 };
  #triggers = 0;
  readonly #told: Told[] = [];

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => resolve());
    });
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://trigger").pathname.split("/").slice(1);
    try {
      const control = path[0] === "_trigger";
      if (!control && this.#isOut("down")) {
        request.socket.destroy();
        return;
      }
      const text = await bodyOf(request);
      if (!control && this.#isOut("rate-limited")) {
        const reset = String(this.#outage.until);
        const headers = {
          "x-ratelimit-limit": "750",
          "x-ratelimit-remaining": "0",
          "x-ratelimit-reset": reset,
        };
        send(response, { status: 429, body: { error: "Rate limit exceeded" }, headers });
        return;
      }
      const body: unknown = text === "" ? undefined : JSON.parse(text);
      const asked: Asked = { method: request.method ?? "GET", path, body };
      if (control) send(response, this.#control(asked));
      else if (path[0] === "otel") {
        this.#told.push(...toldIn(body));
        this.#told.splice(0, this.#told.length - MOST_TOLD);
        send(response, ok({}));
      } else if (request.headers.authorization !== `Bearer ${this.#options.secretKey}`)
        send(response, { status: 401, body: { error: "Invalid or Missing API Key" } });
      else send(response, this.#api(asked));
    } catch (error) {
      send(response, { status: 400, body: { error: String(error) } });
    }
  }

  #isOut(kind: Outage["outage"]): boolean {
    return this.#outage.kind === kind && this.#outage.until > this.#options.now();
  }

  #api({ method, path, body }: Asked): Answer {
    const { platform } = this.#options;
    const [api, version, collection, id = "", verb] = path;
    if (api !== "api") return notFound;
    switch (`${method} ${version}/${collection}/${verb ?? ""}`) {
      case "POST v1/tasks/trigger": {
        this.#triggers += 1;
        const { run, isCached } = platform.trigger(decodeURIComponent(id), TriggerBody.parse(body));
        const claims = JSON.stringify({ sub: "env_lab", pub: true });
        return {
          status: 200,
          body: { id: run.id, isCached },
          headers: { "x-trigger-jwt-claims": claims },
        };
      }
      case "GET v3/runs/": {
        const run = platform.run(id);
        return run === undefined ? notFound : ok(runBody(run));
      }
      case "POST v2/runs/cancel":
        return platform.cancel(id) ? ok({ id }) : notFound;
      case "GET v1/runs/metadata":
      case "PUT v1/runs/metadata": {
        const run = platform.run(id);
        if (run === undefined) return notFound;
        if (method === "PUT") platform.setMetadata(id, metadataAfter(run.metadata, body));
        return ok({ metadata: platform.run(id)?.metadata ?? {} });
      }
      default:
        return { status: 404, body: { error: `the stand-in has no ${method} /${path.join("/")}` } };
    }
  }

  #control({ method, path, body }: Asked): Answer {
    const { platform, now } = this.#options;
    switch (`${method} ${path[1] ?? ""}`) {
      case "GET ":
        return ok({ triggers: this.#triggers, waiting: platform.faults.waiting });
      case "GET runs":
        return ok(platform.runs);
      case "GET logs":
        return ok(this.#told);
      case "POST faults":
        platform.faults.add(Fault.parse(body));
        return ok({ waiting: platform.faults.waiting });
      case "DELETE faults":
        platform.faults.clear();
        return ok({ waiting: [] });
      case "POST outage": {
        const { outage, ms } = Outage.parse(body);
        this.#outage = {
          kind: outage,
          until: ms === undefined ? Number.MAX_SAFE_INTEGER : now() + ms,
        };
        return ok({ outage });
      }
      case "POST deploy":
        platform.deploy();
        return ok({});
      default:
        return notFound;
    }
  }
}

/** The operations that our tasks use: `set`, and the whole at once. */
function metadataAfter(
  before: Readonly<Record<string, unknown>>,
  body: unknown,
): Readonly<Record<string, unknown>> {
  const { metadata, operations = [] } = Metadata.parse(body);
  const after: Record<string, unknown> = { ...(metadata ?? before) };
  for (const { type, key, value } of operations)
    if (type === "set" && key !== undefined) after[key] = value;
  return after;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}
