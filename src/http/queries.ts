import { z } from "zod";

/** Query parameters that many endpoints share. */

const LAST_MS = 253_402_300_799_999;

export const flag = z.enum(["true", "false"]).transform((text) => text === "true");

export const limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(100)
  .default(20)
  .meta({ description: "Entries per page" });

export const paging = {
  limit,
  cursor: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "`meta.pagination.nextCursor` of the page before; any depth" }),
  page: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: "In place of a cursor, within the first 10,000 entries" }),
};

export const plan = flag.optional().meta({
  description:
    "Answer 200 with the steps that would run and the refusals that would be met; nothing is written",
});

export const PlanQuery = z.strictObject({ plan });

/** An instant with any offset, as ms since 1970. */
export const instantMs = z.iso
  .datetime({
    offset: true,
    error: "must be an ISO 8601 instant with offset, like 2026-03-02T08:05:00Z",
  })
  .transform((text) => Date.parse(text))
  .refine((ms) => ms >= 0 && ms <= LAST_MS, "must lie between 1970 and 9999");

/** Names of callers, projects, pools: whatever can stand in a column. */
export const name = z.string().min(1).max(255);
