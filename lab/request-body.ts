import type http from "node:http";

/** Undefined when the client went away or sent more than the server takes. */
export async function readRequestBody(
  message: http.IncomingMessage,
  longestBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > longestBytes) return undefined;
      chunks.push(bytes);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}
