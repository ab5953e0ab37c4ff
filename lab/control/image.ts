import type { IncomingMessage, ServerResponse } from "node:http";
import type { LabImage } from "#lab/images/catalogue.ts";

/** Serves an image as virtual media need it: with HEAD, a length and single ranges (RFC 9110 §14). */
export function sendImage(
  images: readonly LabImage[],
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): void {
  const image = images.find(({ file }) => path === `/images/${file}`);
  if (image === undefined) {
    const names = images.map(({ file }) => `/images/${file}`).join(", ");
    response.writeHead(404, { "Content-Type": "application/json" });
    response.end(
      `${JSON.stringify({ error: { message: `there is no ${path}; there are ${names}` } })}\n`,
    );
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" });
    response.end();
    return;
  }
  const { bytes, checksum } = image;
  const common = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    ETag: `"${checksum}"`,
  };
  const range = parseRange(request.headers.range, bytes.length);
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...common, "Content-Range": `bytes */${bytes.length}` });
    response.end();
    return;
  }
  const part = range === undefined ? bytes : bytes.subarray(range.from, range.to + 1);
  const partial =
    range === undefined
      ? {}
      : { "Content-Range": `bytes ${range.from}-${range.to}/${bytes.length}` };
  response.writeHead(range === undefined ? 200 : 206, {
    ...common,
    ...partial,
    "Content-Length": part.length,
  });
  response.end(request.method === "HEAD" ? undefined : part);
}

/** One range; a header with several, or none that can be read, is ignored, as the RFC allows. */
function parseRange(
  header: string | undefined,
  length: number,
): { readonly from: number; readonly to: number } | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const from = first === "" ? Math.max(0, length - Number(last)) : Number(first);
  const to = first === "" || last === "" ? length - 1 : Math.min(Number(last), length - 1);
  return from > to ? "unsatisfiable" : { from, to };
}
