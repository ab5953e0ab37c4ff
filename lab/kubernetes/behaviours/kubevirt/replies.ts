import type { AggregatedReply } from "#lab/kubernetes/behaviours/behaviour.ts";

/** The kinds that virt-api's errors name; its resources are in the singular there. */
export type Named = "virtualmachine" | "virtualmachineinstance";

export const accepted: AggregatedReply = { status: 202, body: null };

export function notFound(kind: Named, name: string): AggregatedReply {
  return failure(404, "NotFound", `${kind}.kubevirt.io "${name}" not found`, { kind, name });
}

export function conflict(kind: Named, name: string, why: string): AggregatedReply {
  const message = `Operation cannot be fulfilled on ${kind}.kubevirt.io "${name}": ${why}`;
  return failure(409, "Conflict", message, { kind, name });
}

export function forbidden(kind: Named, name: string, why: string): AggregatedReply {
  const message = `${kind}.kubevirt.io "${name}" is forbidden: ${why}`;
  return failure(403, "Forbidden", message, { kind, name });
}

export function badRequest(message: string): AggregatedReply {
  return failure(400, "BadRequest", message);
}

function failure(
  code: number,
  reason: string,
  message: string,
  about?: { readonly kind: Named; readonly name: string },
): AggregatedReply {
  return {
    status: code,
    body: {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      ...(about === undefined ? {} : { details: { ...about, group: "kubevirt.io" } }),
      code,
    },
  };
}
