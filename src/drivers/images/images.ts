import type { ImagesPort } from "#drivers/ports.ts";
import { digest, type DigestOptions } from "./digest.ts";
import { probe } from "./probe.ts";

type ImagesOptions = Omit<DigestOptions, "signal">;

const defaults: ImagesOptions = { timeoutMs: 15_000, silenceMs: 30_000 };

/** Images as any web server offers them, over http and https. */
export const createImages = (options: Partial<ImagesOptions> = {}): ImagesPort => ({
  probe: (url, { signal }) => probe(url, { ...defaults, ...options, signal }),
  digest: (url, type, { signal }) => digest(url, type, { ...defaults, ...options, signal }),
});
