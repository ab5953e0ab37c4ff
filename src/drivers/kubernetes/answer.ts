import { z } from "zod";
import type { RawAnswer } from "./exchange.ts";

const Cause = z.object({
  reason: z.string().default(""),
  message: z.string().default(""),
  field: z.string().default(""),
});
export type Cause = z.infer<typeof Cause>;

/** The API server's own account of a refusal (`kind: Status`, meta/v1). */
const Status = z.object({
  kind: z.literal("Status"),
  reason: z.string().default(""),
  message: z.string().default(""),
  details: z
    .object({
      kind: z.string().optional(),
      causes: z.array(Cause).default([]),
      retryAfterSeconds: z.number().optional(),
    })
    .default({ causes: [] }),
});
export type Status = z.infer<typeof Status>;

export const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** Null when the server gave none: a path that it does not serve is answered in plain text. */
export const statusOf = (answer: RawAnswer): Status | null => {
  const parsed = Status.safeParse(jsonOf(answer.text));
  return parsed.success ? parsed.data : null;
};

/** What the server asks for in `Retry-After` (seconds or a date) or in its Status, in ms; null when it does not. */
export const askedDelayMs = (answer: RawAnswer, nowMs: number): number | null => {
  const value = answer.headers["retry-after"];
  if (value !== undefined && value.trim() !== "") {
    const seconds = Number(value);
    if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
    const at = Date.parse(value);
    if (!Number.isNaN(at)) return Math.max(0, at - nowMs);
  }
  const seconds = statusOf(answer)?.details.retryAfterSeconds;
  return seconds === undefined || seconds <= 0 ? null : seconds * 1000;
};
