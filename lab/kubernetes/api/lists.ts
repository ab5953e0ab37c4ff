import type { KubeObject } from "#lab/kubernetes/object.ts";
import {
  badRequest,
  expired,
  tooLargeResourceVersion,
  unclassified,
} from "#lab/kubernetes/status.ts";
import { pathOf } from "#lab/kubernetes/store/change.ts";
import { fieldMatcher } from "#lab/kubernetes/store/field-selector.ts";
import { labelMatcher } from "#lab/kubernetes/store/label-selector.ts";
import type { ObjectStore } from "#lab/kubernetes/store/store.ts";
import { checkListOptions } from "./request-options.ts";
import type { Target } from "./place.ts";
import type { ListMeta } from "./represent.ts";

export type Matches = (object: KubeObject) => boolean;

export interface Page {
  readonly objects: readonly KubeObject[];
  readonly metadata: ListMeta;
}

/** Where a list goes on: what a `continue` token holds. */
interface Bookmark {
  /** The revision of the first page; 0: whatever is newest, after a 410. */
  readonly rv: number;
  /** The path of the last object that was given. */
  readonly after: string;
}

/**
 * One page of a list. Refusals: 410 for a revision that was compacted, with a token that goes on at a newer one when it was
 * met on a later page; 504 for one of the future; 400 for selectors and tokens that cannot be read.
 */
export function listPage(store: ObjectStore, target: Target, query: URLSearchParams): Page {
  checkListOptions(query);
  const matches = matcherOf(target, query);
  const token = query.get("continue") ?? "";
  const asked = query.get("resourceVersion") ?? "";
  const limit = limitOf(query.get("limit") ?? "0");
  const isWhole = !query.get("labelSelector") && !query.get("fieldSelector");
  if (token !== "") {
    if (asked !== "" && asked !== "0")
      throw badRequest("specifying resource version is not allowed when using continue");
    const { rv, after } = readToken(token);
    const revision = rv === 0 ? store.revision : rv;
    const all = rv === 0 ? store.list(target.served.name) : store.at(target.served.name, rv);
    if (all === undefined) {
      const fresh = writeToken({ rv: 0, after });
      throw expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        fresh,
      );
    }
    const rest = all.slice(firstAfter(all, after));
    return page(rest.filter(matches), limit, revision, isWhole);
  }
  const match = query.get("resourceVersionMatch");
  if (match === "Exact" || (asked !== "" && asked !== "0" && limit > 0 && match === null)) {
    const revision = checkedRevision(store, asked);
    const all = store.at(target.served.name, revision);
    if (all === undefined)
      throw expired(`The resourceVersion for the provided list is too old: ${asked}`);
    return page(all.filter(matches), limit, revision, isWhole);
  }
  if (asked !== "" && asked !== "0") checkedRevision(store, asked);
  const all = narrowed(store, target, query).filter(matches);
  // The watch cache, which answers for resourceVersion 0, knows no pages.
  return page(all, asked === "0" ? 0 : limit, store.revision, isWhole);
}

/** A labelSelector of one label and its value. */
const onlyLabel = /^\s*([^\s=!,()]+)\s*==?\s*([^\s=!,()]+)\s*$/;

/** Which objects the path and the selectors of a request mean. */
export function matcherOf(target: Target, query: URLSearchParams): Matches {
  const tests: Matches[] = [];
  const { namespace, name, served } = target;
  if (namespace !== null) tests.push(({ metadata }) => metadata.namespace === namespace);
  if (name !== null) tests.push(({ metadata }) => metadata.name === name);
  const labels = query.get("labelSelector") ?? "";
  const fields = query.get("fieldSelector") ?? "";
  if (labels !== "") tests.push(labelMatcher(labels));
  if (fields !== "") tests.push(fieldMatcher(fields, served));
  return (object) => tests.every((test) => test(object));
}

/**
 * A list of the newest state, in the order of lists: one object by its name, as kubectl asks before it waits, or those that carry a
 * label, as every look at a cluster asks, need no look at the others.
 */
function narrowed(
  store: ObjectStore,
  { served, namespace }: Target,
  query: URLSearchParams,
): readonly KubeObject[] {
  const [, name] = /^metadata\.name==?([^,]+)$/.exec(query.get("fieldSelector") ?? "") ?? [];
  if (name === undefined || (namespace === null && served.kind.scope === "Namespaced")) {
    const [, label, value] = onlyLabel.exec(query.get("labelSelector") ?? "") ?? [];
    if (label === undefined || value === undefined) return store.list(served.name);
    return store
      .select(served.name, { labels: { [label]: value } })
      .toSorted((a, b) => (pathOf(a.metadata) < pathOf(b.metadata) ? -1 : 1));
  }
  const found = store.get({ kind: served.name, namespace: namespace ?? "", name });
  return found === undefined ? [] : [found];
}

/** @param isWhole nothing is selected: of a selection the API server does not know how much is left. */
function page(
  objects: readonly KubeObject[],
  limit: number,
  revision: number,
  isWhole: boolean,
): Page {
  const resourceVersion = String(revision);
  const last = limit === 0 ? undefined : objects[limit - 1];
  if (last === undefined || objects.length === limit)
    return { objects, metadata: { resourceVersion } };
  return {
    objects: objects.slice(0, limit),
    metadata: {
      resourceVersion,
      continue: writeToken({ rv: revision, after: pathOf(last.metadata) }),
      ...(isWhole ? { remainingItemCount: objects.length - limit } : {}),
    },
  };
}

/** The place of the first object behind a path; the list is in the order of paths. */
function firstAfter(objects: readonly KubeObject[], path: string): number {
  const found = objects.findIndex(({ metadata }) => pathOf(metadata) > path);
  return found === -1 ? objects.length : found;
}

/** A Refusal (504) for a revision of the future. */
export function checkedRevision(store: ObjectStore, text: string): number {
  const revision = revisionNumber(text);
  if (revision === undefined) throw badRequest(`invalid resource version: ${noRevision(text)}`);
  if (revision > store.revision) throw tooLargeResourceVersion(revision, store.revision);
  return revision;
}

/** A Refusal (500, as the API server answers where it asks its store at once) for what is no revision. */
export function revisionOf(text: string): number {
  const revision = revisionNumber(text);
  if (revision === undefined) throw unclassified(noRevision(text));
  return revision;
}

function revisionNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function noRevision(text: string): string {
  const why = /^\d+$/.test(text) ? "value out of range" : "invalid syntax";
  return `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": ${why}`;
}

/** Below zero is no limit. */
function limitOf(text: string): number {
  return /^-\d+$/.test(text) ? 0 : numberOf(text);
}

/** A Refusal (400) for what is no whole number. */
export function numberOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
}

function writeToken(bookmark: Bookmark): string {
  return Buffer.from(JSON.stringify(bookmark)).toString("base64url");
}

function readToken(token: string): Bookmark {
  try {
    const read = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as Bookmark;
    if (Number.isInteger(read.rv) && typeof read.after === "string") return read;
  } catch {
    // What cannot be read is refused below, like what is no token of ours.
  }
  throw badRequest("continue key is not valid");
}
