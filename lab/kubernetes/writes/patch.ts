import type { KubeObject } from "#lab/kubernetes/object.ts";
import { jsonPatch, mergePatch, PatchError } from "#lab/kubernetes/apply/json-patch.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import { badRequest, Refusal, unsupportedMediaType } from "#lab/kubernetes/status.ts";
import { isJson } from "./incoming.ts";
import { strategicMerge } from "./strategic-merge.ts";

const jsonPatchType = "application/json-patch+json";
const mergePatchType = "application/merge-patch+json";
const strategicMergeType = "application/strategic-merge-patch+json";
export const applyTypes: readonly string[] = [
  "application/apply-patch+yaml",
  "application/apply-patch",
];

/**
 * What a patch of this media type makes of an object. Server-side apply is not one of them. A Refusal (415) for a type that the
 * kind does not take, and (422) for a patch that cannot be carried out, such as a failed `test`.
 */
export function patched(object: KubeObject, type: string, body: unknown, served: Served): unknown {
  switch (type) {
    case jsonPatchType:
      if (!Array.isArray(body)) throw badRequest("a JSON patch is a list of operations");
      return carriedOut(() => jsonPatch(object, body));
    case mergePatchType:
      if (!isJson(body)) throw badRequest("a merge patch is an object");
      return carriedOut(() => mergePatch(object, body));
    case strategicMergeType:
      if (!isCustom(served)) {
        if (!isJson(body)) throw badRequest("a strategic merge patch is an object");
        return strategicMerge(object, body);
      }
  }
  const taken = [jsonPatchType, mergePatchType, ...applyTypes.slice(0, 1)];
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${taken.join(", ")}`,
  );
}

/** Kinds that are described by a CustomResourceDefinition have no Go type, and so no strategic merge. */
function isCustom({ kind }: Served): boolean {
  return kind.group.includes(".") && !kind.group.endsWith(".k8s.io")
    ? true
    : kind.group.endsWith(".x-k8s.io");
}

function carriedOut(patch: () => unknown): unknown {
  try {
    return patch();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (error.reason === "malformed") throw badRequest(error.message);
    throw new Refusal({
      code: 422,
      reason: "Invalid",
      // The API server does not say which operation it was.
      message: "the server rejected our request due to an error in our request",
      details: {},
    });
  }
}
