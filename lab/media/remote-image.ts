import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";

/** An image on a web server that is read in blocks, as a BMC reads it while the host boots. */
export interface RemoteImage {
  readonly sizeBytes: number;
  readonly readAt: (offset: number, length: number) => Promise<Buffer>;
}

const answerTimeoutMs = 10_000;

/**
 * Asks for the image's head and demands what virtual media need: a length, and ranges. Rejects with a sentence for
 * the event log when the server is unreachable or offers less. Certificates are not verified, as on BMCs as delivered.
 */
export async function openRemoteImage(url: string): Promise<RemoteImage> {
  const head = await ask(url, "HEAD", {});
  if (head.status !== 200) throw new Error(`HEAD ${url} was answered ${head.status}`);
  const sizeBytes = Number(head.headers["content-length"]);
  if (!Number.isSafeInteger(sizeBytes)) throw new Error(`HEAD ${url} came without Content-Length`);
  return { sizeBytes, readAt: (offset, length) => readRange(url, { offset, length, sizeBytes }) };
}

async function readRange(
  url: string,
  range: { readonly offset: number; readonly length: number; readonly sizeBytes: number },
): Promise<Buffer> {
  const { offset, length, sizeBytes } = range;
  if (offset + length > sizeBytes) throw new Error(`${url} ends before byte ${offset + length}`);
  const part = await ask(url, "GET", { range: `bytes=${offset}-${offset + length - 1}` });
  if (part.status !== 206)
    throw new Error(`a ranged GET of ${url} was answered ${part.status} instead of 206`);
  if (part.body.length !== length)
    throw new Error(`a ranged GET of ${url} came with ${part.body.length} bytes`);
  return part.body;
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

function ask(
  url: string,
  method: "HEAD" | "GET",
  headers: http.OutgoingHttpHeaders,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const isSecure = url.startsWith("https:");
    const send = isSecure ? https.request : http.request;
    const options = {
      method,
      headers,
      timeout: answerTimeoutMs,
      ...(isSecure ? { rejectUnauthorized: false } : {}),
    };
    const request = send(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
    });
    request.on("timeout", () =>
      request.destroy(new Error(`no answer within ${answerTimeoutMs / 1000} s`)),
    );
    request.on("error", reject);
    request.end();
  });
}
