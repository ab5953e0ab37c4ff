import { badRequest, methodNotAllowed } from "#lab/kubernetes/status.ts";
import { json, readBody } from "./call.ts";
import type { Answer, Call } from "./call.ts";
import type { Kinds } from "#lab/kubernetes/kinds/registry.ts";
import { isAllowed, rulesOf } from "./users.ts";
import type { User } from "./users.ts";

/** The fields of a SelfSubjectAccessReview that decide; absent texts are as good as empty ones. */
interface Asked {
  readonly resourceAttributes?: {
    readonly verb?: string;
    readonly group?: string;
    readonly resource?: string;
  };
  readonly nonResourceAttributes?: { readonly verb?: string };
}

/**
 * Answers what `kubectl auth can-i` asks: whether the caller may do that. Everybody may ask, and nothing is kept. Refusals:
 * 405 for anything but a creation, 400 for a review that asks about nothing.
 */
export function answerAccessReview(call: Call): Answer {
  if (call.method !== "POST") throw methodNotAllowed();
  const review = readBody(call) as { readonly spec?: Asked } | null;
  const spec = review?.spec ?? {};
  if (spec.resourceAttributes === undefined && spec.nonResourceAttributes === undefined)
    throw badRequest(
      "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
    );
  return json(201, {
    ...review,
    metadata: { creationTimestamp: null },
    status: { allowed: mayDo(call.user, spec) },
  });
}

/** Answers `kubectl auth can-i --list`: all that the caller may do in a namespace; here that is the same in each. */
export function answerRulesReview(call: Call, kinds: Kinds): Answer {
  if (call.method !== "POST") throw methodNotAllowed();
  const review = readBody(call) as { readonly spec?: { readonly namespace?: string } } | null;
  if (!review?.spec?.namespace) throw badRequest("no namespace on request");
  return json(201, {
    ...review,
    metadata: { creationTimestamp: null },
    spec: {},
    status: { ...rulesOf(call.user, kinds), incomplete: false },
  });
}

function mayDo(user: User, { resourceAttributes, nonResourceAttributes }: Asked): boolean {
  // Paths without resources are only there to be read.
  if (resourceAttributes === undefined)
    return user.may === "write" || nonResourceAttributes?.verb === "get";
  const { verb = "", group = "", resource = "" } = resourceAttributes;
  return isAllowed(user, { verb, group, plural: resource });
}
