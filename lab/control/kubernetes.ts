import { z } from "zod";
import { problemOf } from "./bmcs.ts";
import type { Asked, Context } from "./context.ts";
import { isRegularExpression, withoutUndefined } from "./faults.ts";
import { fail, ok } from "./reply.ts";
import type { Reply } from "./reply.ts";

/** What happens at once and is over. */
const act = z.union([
  z.strictObject({ clear: z.literal(true) }),
  z.strictObject({ compact: z.literal(true) }),
  z.strictObject({ restart: z.literal(true) }),
  z.strictObject({ restoreTo: z.string().regex(/^\d+$/) }),
]);

const effects = ["status", "delayMs", "cut", "rubbish", "watch"] as const;

const fault = z
  .strictObject({
    path: z.string().refine(isRegularExpression, "is not a regular expression").optional(),
    method: z.enum(["GET", "POST", "PATCH", "PUT", "DELETE"]).optional(),
    status: z.int().min(400).max(599).optional(),
    retryAfterSeconds: z.int().min(0).max(3600).optional(),
    delayMs: z.int().min(0).max(600_000).optional(),
    cut: z.enum(["before", "after"]).optional(),
    rubbish: z.literal(true).optional(),
    watch: z.enum(["expired", "cut", "silent", "old-etcd"]).optional(),
    times: z.int().min(1).optional(),
  })
  .refine((given) => effects.some((effect) => given[effect] !== undefined), {
    message: `one of ${effects.join(", ")} must be there`,
  });

const allowed =
  'allowed: { clear: true }, { compact: true }, { restart: true }, { restoreTo: resourceVersion }, or { path?: regular expression, method?, status?: 400-599, retryAfterSeconds?, delayMs?: 0-600000, cut?: "before" or "after", rubbish?: true, watch?: "expired", "cut", "silent" or "old-etcd", times?: 1 or more } with at least one of status, delayMs, cut, rubbish, watch';

/** `POST /_lab/kubernetes/faults`: one more disturbance of the API server, or something that happens to it at once. */
export function disturbKubernetes({ kubernetes }: Context, { body }: Asked): Reply {
  if (kubernetes === null) return fail(404, "this lab has no Kubernetes");
  const now = act.safeParse(body);
  if (now.success) {
    const { data } = now;
    if ("clear" in data) kubernetes.faults.clear();
    else if ("compact" in data) kubernetes.store.compact();
    else if ("restart" in data) kubernetes.restart();
    else if (!kubernetes.store.restore(Number(data.restoreTo)))
      return fail(409, `revision ${data.restoreTo} is not known any more, or not yet`);
    return ok({ revision: String(kubernetes.store.revision), faults: kubernetes.faults.list() });
  }
  const parsed = fault.safeParse(body);
  if (!parsed.success) return fail(400, `${problemOf(parsed.error)}; ${allowed}`);
  const added = kubernetes.faults.add(withoutUndefined(parsed.data));
  return { status: 201, body: added };
}

/** `GET /_lab/kubernetes/faults`: what is in force. */
export function listKubernetesFaults({ kubernetes }: Context): Reply {
  if (kubernetes === null) return fail(404, "this lab has no Kubernetes");
  return ok({ revision: String(kubernetes.store.revision), faults: kubernetes.faults.list() });
}

/** `GET /_lab/kubernetes/requests`: what clients asked of the API server. */
export function listKubernetesRequests({ kubernetes }: Context): Reply {
  if (kubernetes === null) return fail(404, "this lab has no Kubernetes");
  return ok({ requests: kubernetes.requests.list() });
}
