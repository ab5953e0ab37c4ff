import { createHash } from "node:crypto";
import type { ChecksumType } from "#drivers/ports.ts";
import { follow, imageUrl, judge, type RequestOptions, unreachable } from "./request.ts";

export interface DigestOptions extends RequestOptions {
  /** How long a stream may bring nothing before it counts as broken. */
  readonly silenceMs: number;
}

/** See `ImagesPort.digest`. */
export const digest = async (
  text: string,
  type: ChecksumType,
  options: DigestOptions,
): Promise<string> => {
  const answer = await follow(imageUrl(text), { method: "GET" }, options);
  const { url, response } = answer;
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    response.destroy(new Error("silent"));
  }, options.silenceMs);
  try {
    judge(answer);
    const hash = createHash(type);
    try {
      // Chunk by chunk: images are larger than memory, and a slow hash must slow the stream down.
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        timer.refresh();
        hash.update(chunk);
      }
    } catch (thrown) {
      const why = isSilent ? "stopped arriving before its end" : "broke off before its end";
      throw unreachable(url, why, thrown);
    }
    return hash.digest("hex");
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
};
