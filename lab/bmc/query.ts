import type { Profile } from "#lab/profiles/profile.ts";
import type { Answer, Body } from "./answer.ts";
import { base, refuse } from "./answer.ts";

/** Reads another resource for `$expand`; undefined when it cannot be read. */
export type ReadPath = (path: string) => Body | undefined;

export type Queried = { readonly body: Body } | { readonly refusal: Answer };

interface Expansion {
  readonly levels: number;
  readonly form: string;
}

/** Applies the query of a GET: expansion where it is announced, pages of collections, 501 for the rest (DSP0266 §7.3). */
export function applyQuery(
  profile: Profile,
  body: Body,
  query: URLSearchParams,
  read: ReadPath,
): Queried {
  for (const [name, value] of query) {
    if (name === "$skip" || name === "$top") continue;
    if (name !== "$expand") {
      if (name.startsWith("$") || name === "only")
        return { refusal: refuse(profile, base.queryNotSupported(name)) };
      continue;
    }
    const expansion = parseExpand(profile, value);
    if (expansion === undefined)
      return { refusal: refuse(profile, base.queryNotSupported(`$expand=${value}`)) };
    return { body: expand(page(profile, body, query), expansion, read) };
  }
  return { body: page(profile, body, query) };
}

function parseExpand(profile: Profile, value: string): Expansion | undefined {
  const parsed = /^([.*~])(?:\(\$levels=(\d+)\))?$/.exec(value);
  const [, form = "", levelText = "1"] = parsed ?? [];
  const levels = Number(levelText);
  const isOffered =
    profile.wire.expandForms.includes(form) && levels >= 1 && levels <= profile.wire.expandLevels;
  return isOffered ? { form, levels } : undefined;
}

/** Replaces links by what they point at. `.` follows the links outside `Links`, `~` those inside, `*` all. */
function expand(body: Body, expansion: Expansion, read: ReadPath): Body {
  const { form, levels } = expansion;
  const follow = (value: unknown, isInLinks: boolean): unknown => {
    if (Array.isArray(value)) return value.map((entry) => follow(entry, isInLinks));
    if (typeof value !== "object" || value === null) return value;
    const inner = value as Body;
    const keys = Object.keys(inner);
    const target = inner["@odata.id"];
    if (keys.length === 1 && typeof target === "string") {
      const isWanted = form === "*" || (form === "~") === isInLinks;
      const found = isWanted ? read(target) : undefined;
      if (found === undefined) return value;
      return levels > 1 ? expand(found, { form, levels: levels - 1 }, read) : found;
    }
    return Object.fromEntries(
      keys.map((key) => [key, follow(inner[key], isInLinks || key === "Links")]),
    );
  };
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [key, follow(value, key === "Links")]),
  );
}

/** Cuts a collection at the vendor's page size. The link to the next page is relative, as AMI and Dell send it. */
function page(profile: Profile, body: Body, query: URLSearchParams): Body {
  const members = body["Members"];
  if (!Array.isArray(members)) return body;
  const skip = naturalNumber(query.get("$skip")) ?? 0;
  const top = naturalNumber(query.get("$top")) ?? members.length;
  const size = Math.min(top, profile.wire.pageSize ?? members.length);
  const end = skip + size;
  const hasMore = size > 0 && end < members.length && end < skip + top;
  const path = typeof body["@odata.id"] === "string" ? body["@odata.id"] : "";
  return {
    ...body,
    Members: members.slice(skip, end),
    "Members@odata.nextLink": hasMore ? `${path}?$skip=${end}` : undefined,
  };
}

function naturalNumber(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
