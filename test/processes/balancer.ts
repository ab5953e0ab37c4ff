import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/**
 * What stands in front of control planes in production: one address that stays while processes come and go. It asks
 * them in turn, goes on to the next when one does not answer, and holds a request for a while when none does.
 */
export interface Balancer {
  readonly url: string;
  /** Replaces the processes that are asked. */
  use(origins: readonly string[]): void;
  close(): Promise<void>;
}

const answerWithinMs = 4_000;
const holdMs = 15_000;
const lookEveryMs = 50;

export async function startBalancer(): Promise<Balancer> {
  let origins: readonly string[] = [];
  let turn = 0;
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await bodyOf(incoming);
    const giveUpAt = Date.now() + holdMs;
    while (Date.now() < giveUpAt) {
      const now = origins;
      for (let tried = 0; tried < now.length; tried += 1) {
        turn += 1;
        const origin = now[turn % now.length];
        if (origin !== undefined && (await pass(origin, { incoming, body, outgoing }))) return;
      }
      await pause(lookEveryMs);
    }
    outgoing.writeHead(502).end();
  };
  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    use(next) {
      origins = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly outgoing: ServerResponse;
}

/** True once an answer has begun to go back; false when this one gave none, or says to a reader that it cannot now. */
function pass(origin: string, { incoming, body, outgoing }: Exchange): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      `${origin}${incoming.url ?? "/"}`,
      { method: incoming.method, headers: incoming.headers, timeout: answerWithinMs },
      (answer) => {
        if (answer.statusCode === 503 && incoming.method !== "POST") {
          answer.resume();
          resolve(false);
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        answer.once("error", () => outgoing.destroy());
        answer.once("close", () => {
          if (!answer.complete) outgoing.destroy();
        });
        resolve(true);
      },
    );
    asked.once("timeout", () => asked.destroy(new Error("no answer")));
    asked.once("error", () => resolve(false));
    asked.end(body);
  });
}
