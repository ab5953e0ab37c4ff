import type { KubeObject } from "#lab/kubernetes/object.ts";
import { isCustom } from "#lab/kubernetes/kinds/kind.ts";
import { jsonPatch, mergePatch, PatchError } from "#lab/kubernetes/apply/json-patch.ts";
import type { Served } from "#lab/kubernetes/kinds/registry.ts";
import { badRequest, Refusal, unsupportedMediaType } from "#lab/kubernetes/status.ts";
import { isJson } from "./incoming.ts";
import { strategicMerge } from "./strategic-merge.ts";

export const jsonPatchType = "application/json-patch+json";
const mergePatchType = "application/merge-patch+json";
const strategicMergeType = "application/strategic-merge-patch+json";
export const applyType = "application/apply-patch+yaml";

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
      // A kind without a Go type has no strategic merge.
      if (!isCustom(served.kind)) {
        if (!isJson(body)) throw badRequest("a strategic merge patch is an object");
        return strategicMerge(object, body);
      }
  }
  const taken = [jsonPatchType, mergePatchType, applyType];
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${taken.join(", ")}`,
  );
}

const operationFields: ReadonlySet<string> = new Set(["op", "path", "from", "value"]);

/** What is odd about a JSON patch: what its text said twice, and fields that no operation has. */
export function patchOddities(body: unknown, said: readonly string[]): readonly string[] {
  const operations = Array.isArray(body) ? body : [];
  const unknown = operations.flatMap((operation: unknown, index) =>
    Object.keys(isJson(operation) ? operation : {})
      .filter((field) => !operationFields.has(field))
      .map((field) => `unknown field "[${index}].${field}"`),
  );
  return [...said, ...unknown].map((one) => `json patch ${one}`);
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
