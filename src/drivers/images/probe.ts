import type { ImageFacts } from "#drivers/ports.ts";
import { type Answer, follow, imageUrl, judge, type RequestOptions, sizeOf } from "./request.ts";

/** Of the answer only its head is wanted: a server that ignores Range would send the whole image. */
const headOf = async (
  url: URL,
  method: "HEAD" | "GET",
  options: RequestOptions,
): Promise<Answer> => {
  const headers = method === "GET" ? { Range: "bytes=0-0" } : {};
  const answer = await follow(url, { method, headers }, options);
  answer.response.destroy();
  return answer;
};

/** HEAD is refused by some object stores, whose signed addresses are good for GET alone. */
const refusesHead = new Set([400, 403, 404, 405, 501]);

/** See `ImagesPort.probe`. */
export const probe = async (text: string, options: RequestOptions): Promise<ImageFacts> => {
  const url = imageUrl(text);
  const head = await headOf(url, "HEAD", options);
  const { statusCode, headers } = head.response;
  const size = sizeOf(head.response);
  if (statusCode === 200 && size !== null && "accept-ranges" in headers) {
    judge(head);
    return { url: text, sizeBytes: size, acceptsRanges: headers["accept-ranges"] === "bytes" };
  }
  if (statusCode !== 200 && !refusesHead.has(statusCode ?? 0)) judge(head);
  // What HEAD left open (or refused) the first byte tells: whether there is a range, and how long the whole is.
  const first = await headOf(url, "GET", options);
  judge(first);
  return {
    url: text,
    sizeBytes: sizeOf(first.response) ?? (statusCode === 200 ? size : null),
    acceptsRanges: first.response.statusCode === 206,
  };
};
