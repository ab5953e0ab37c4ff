import type { z } from "zod";
import type { ListPage, ListQuery, PageStart } from "#projections/list-query.ts";
import type { Pagination } from "./envelope.ts";
import { refusal } from "./refusal.ts";

/**
 * Cursors as text: the key of the last row and the question that it belongs to, so that a cursor used with
 * other filters or another order is refused and does not silently show the wrong rows. Nothing in it is secret
 * and every part is checked when it comes back, so it needs no signature.
 */

const shortHash = (text: string): string => {
  // FNV-1a, 32 bits: it tells questions apart; it protects nothing.
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(36);
};

const MAX_CURSOR_CHARACTERS = 512;

export const writeCursor = (key: unknown, question: unknown): string =>
  Buffer.from(JSON.stringify([shortHash(JSON.stringify(question)), key])).toString("base64url");

/** The key of a cursor; VALIDATION_ERROR when the text is none or belongs to another question. */
export function readCursor<Key>(text: string, schema: z.ZodType<Key>, question: unknown): Key {
  const bad = (): Error =>
    refusal({ cursor: "is not a cursor of this list with these filters and this order" });
  if (text.length > MAX_CURSOR_CHARACTERS) throw bad();
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    throw bad();
  }
  if (!Array.isArray(parts) || parts[0] !== shortHash(JSON.stringify(question))) throw bad();
  const key = schema.safeParse(parts[1]);
  if (!key.success) throw bad();
  return key.data;
}

/** Pages by number reach so deep; further down a cursor costs nothing. */
const MOST_ROWS_BY_NUMBER = 10_000;

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly page?: number | undefined;
}

/** Where the page begins. `page` and `cursor` exclude each other. */
export function pageStart<Key>(
  { limit, cursor, page }: PageQuery,
  schema: z.ZodType<Key>,
  question: unknown,
): PageStart<Key> {
  if (cursor !== undefined && page !== undefined)
    throw refusal({ page: "cannot be given together with cursor" });
  if (cursor !== undefined) return { by: "key", after: readCursor(cursor, schema, question) };
  const number = page ?? 1;
  if (number * limit > MOST_ROWS_BY_NUMBER)
    throw refusal({
      page: `must end within the first ${MOST_ROWS_BY_NUMBER} rows; use cursor to go deeper`,
    });
  return { by: "number", skip: (number - 1) * limit };
}

/** `meta.pagination` of a page. */
export const paginationOf = <Key>(
  page: Pick<ListPage<unknown, Key>, "total" | "next">,
  { limit, cursor, page: number }: PageQuery,
  question: unknown,
): Pagination => ({
  total: page.total.count,
  ...(page.total.isEstimate && { totalIsEstimate: true as const }),
  page: cursor === undefined ? (number ?? 1) : null,
  pageSize: limit,
  hasMore: page.next !== null,
  nextCursor: page.next === null ? null : writeCursor(page.next, question),
});

/** A list query as the readers take it. */
export const listQuery = <Filter, Key, Sort>(
  {
    filter,
    sort,
    page,
  }: { readonly filter: Filter; readonly sort: Sort; readonly page: PageQuery },
  schema: z.ZodType<Key>,
): ListQuery<Filter, Key, Sort> => ({
  filter,
  sort,
  limit: page.limit,
  start: pageStart(page, schema, [filter, sort]),
});
