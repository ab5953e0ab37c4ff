import type http from "node:http";

/** A body as it came, or why there is none: the client went away, or sent more than the server takes. */
export type RequestBody =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  | { readonly kind: "gone" }
  | { readonly kind: "too-large" };

/** Never rejects. After `too-large` the connection is open still: who sent so much can be told. */
export async function readRequestBody(
  message: http.IncomingMessage,
  longestBytes: number,
): Promise<RequestBody> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > longestBytes) return { kind: "too-large" };
      chunks.push(bytes);
    }
  } catch {
    return { kind: "gone" };
  }
  return { kind: "whole", bytes: Buffer.concat(chunks) };
}

/** How long somebody who sends too much may go on sending. */
const longestRestMs = 1000;

/**
 * Throws away what is still coming. A connection that is closed over unread bytes is reset, and with it goes the answer
 * that the client has not read yet.
 */
export function discardRest(message: http.IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, longestRestMs);
    const over = (): void => {
      clearTimeout(timer);
      resolve();
    };
    message.once("end", over);
    message.once("close", over);
    message.once("error", over);
    message.resume();
  });
}
