import { widget, widgetsPath } from "#lab/kubernetes/try-widgets.ts";
import type { Answer, Line } from "./script.ts";

/** The words in which scripts are written: requests about widgets, and why an answer is not compared. */

export const mergePatch = "application/merge-patch+json";
export const jsonPatch = "application/json-patch+json";
export const applyPatch = "application/apply-patch+yaml";
export const strategic = "application/strategic-merge-patch+json";
export const secrets = "/api/v1/namespaces/default/secrets";

export const at = (name: string, query = ""): string =>
  `${widgetsPath}/${name}${query && `?${query}`}`;
export const post = (body: unknown, query = ""): Line => ({
  method: "POST",
  path: `${widgetsPath}${query && `?${query}`}`,
  body,
});
export const get = (path: string, headers?: Line["headers"]): Line => ({
  method: "GET",
  path,
  ...(headers && { headers }),
});
export const patch = (path: string, type: string, body: unknown): Line => ({
  method: "PATCH",
  path,
  type,
  body,
});
export const del = (path: string, body?: unknown): Line => ({
  method: "DELETE",
  path,
  ...(body !== undefined && { body }),
});
export const apply = (
  name: string,
  manager: string,
  spec: object,
  query = "",
  metadata: object = {},
): Line =>
  patch(
    at(name, `fieldManager=${manager}${query && `&${query}`}`),
    applyPatch,
    widget(name, spec, metadata),
  );

/** Compared but for its messages. */
export const words = (why: string, line: Line): Line => ({
  ...line,
  except: { what: "words", why },
});
/** Asked of both, and not compared. */
export const apart = (why: string, line: Line): Line => ({ ...line, except: { what: "all", why } });
export const inGo =
  "These words are those of Go's libraries and types, which nobody reads by machine.";

interface Told {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly continue: string;
}

/** What an earlier answer, an object or a list, says of itself. */
export const metadataIn = (answer: Answer | undefined): Told => {
  const body = answer?.body as { readonly metadata?: Told } | undefined;
  return body?.metadata ?? { uid: "", resourceVersion: "", continue: "" };
};
