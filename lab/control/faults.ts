import { z } from "zod";
import { problemOf } from "./bmcs.ts";
import type { Asked, Context } from "./context.ts";
import { fail, ok } from "./reply.ts";
import type { Reply } from "./reply.ts";

const clear = z.strictObject({ clear: z.literal(true) });

const fault = z
  .strictObject({
    target: z.string().optional(),
    path: z.string().refine(isRegularExpression, "is not a regular expression").optional(),
    method: z.enum(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]).optional(),
    status: z.int().min(200).max(599).optional(),
    delayMs: z.int().min(0).max(600_000).optional(),
    cut: z.union([z.boolean(), z.enum(["before", "after"])]).optional(),
    times: z.int().min(1).optional(),
  })
  .refine(
    ({ status, delayMs, cut }) =>
      status !== undefined || delayMs !== undefined || (cut ?? false) !== false,
    {
      message: "one of status, delayMs and cut must be there",
    },
  );

const allowed =
  'allowed: { clear: true } or { target?: BMC name, path?: regular expression, method?, status?: 200-599, delayMs?: 0-600000, cut?: true, "before" or "after", times?: 1 or more } with at least one of status, delayMs, cut';

/** `POST /_lab/faults`: adds one disturbance, or ends all. `cut: true` means before the request is carried out. */
export function addFault(context: Context, { body }: Asked): Reply {
  if (clear.safeParse(body).success) {
    context.faults.clear();
    return ok({ faults: [] });
  }
  const parsed = fault.safeParse(body);
  if (!parsed.success) return fail(400, `${problemOf(parsed.error)}; ${allowed}`);
  const { cut, ...rest } = parsed.data;
  if (rest.target !== undefined && context.fleet.get(rest.target) === undefined) {
    return fail(404, `there is no BMC called ${rest.target}; GET /_lab lists them`);
  }
  const cutting = cut === true ? "before" : cut === false ? undefined : cut;
  const added = context.faults.add(withoutUndefined({ ...rest, cut: cutting }));
  return { status: 201, body: added };
}

export function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

export function withoutUndefined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));
}
