import { headersFor } from "./envelope.ts";

/** One message of an event stream. */
export interface StreamMessage {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

export const wantsStream = (headers: Headers): boolean =>
  (headers.get("accept") ?? "").toLowerCase().includes("text/event-stream");

/** How soon a client comes back after the stream broke, in ms. */
const RECONNECT_MS = 2_000;

/** JSON has no raw line breaks, so one data line is enough (WHATWG HTML, server-sent events). */
const frame = ({ id, event, data }: StreamMessage): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/**
 * An event stream that pulls its source no faster than the client reads. A silent source is bridged by comment
 * lines, so that proxies do not take the connection for dead. `stop` is called when the client goes.
 */
export function streamAnswer(options: {
  readonly requestId: string;
  readonly source: AsyncIterable<StreamMessage>;
  readonly heartbeatMs: number;
  readonly stop: () => void;
}): Response {
  const iterator = options.source[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<StreamMessage>> | null = null;

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(`retry: ${RECONNECT_MS}\n\n`));
      },
      async pull(controller) {
        next ??= iterator.next();
        let timer: NodeJS.Timeout | undefined;
        const silence = new Promise<null>((resolve) => {
          timer = setTimeout(() => resolve(null), options.heartbeatMs);
        });
        try {
          const result = await Promise.race([next, silence]);
          if (result === null) {
            controller.enqueue(encoder.encode(": still here\n\n"));
            return;
          }
          next = null;
          if (result.done === true) controller.close();
          else controller.enqueue(encoder.encode(frame(result.value)));
        } finally {
          clearTimeout(timer);
        }
      },
      cancel() {
        options.stop();
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, {
    status: 200,
    headers: headersFor(options.requestId, {
      "Content-Type": "text/event-stream; charset=utf-8",
      // Proxies must pass each event on at once.
      "X-Accel-Buffering": "no",
    }),
  });
}

/** `HEAD` asks for a stream's head only: a body that nobody reads would never be closed. */
export async function* noMessages(): AsyncGenerator<StreamMessage, void, undefined> {
  // There is nothing to send.
}
