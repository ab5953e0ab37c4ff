import { keyOf, targetOf } from "./address.ts";
import type { Facts } from "./facts.ts";
import type { Conversation, Look } from "./wire/conversation.ts";

/** A member of a collection: its own path, and what it says or why that cannot be read. */
export interface Member {
  readonly path: string;
  readonly look: Look;
}

export interface Listing {
  readonly members: readonly Member[];
  /** Why the collection itself, or the rest of it, could not be read; null when it was read whole. */
  readonly missing: string | null;
}

export interface ListingOptions {
  /** The most members that are read; the rest is named in `missing`. */
  readonly cap?: number;
  /** Members that are not worth a call, told by their path. */
  readonly skip?: (path: string) => boolean;
}

const maxPages = 50;
const defaultCap = 256;

/** One level deep and without the links of `Links`: the form of $expand that is answered well most often. */
const expanded = (path: string): string => `${path}?$expand=.($levels=1)`;

const isExpanded = (member: Facts): boolean =>
  Object.keys(member.raw).some((name) => !name.startsWith("@"));

/**
 * The members of a collection, each read: in one call where the service expands collections, else one by one.
 * Follows `Members@odata.nextLink` as long as it brings something new. Never throws for what a service says;
 * `Members` may be absent or null, and one bad member spoils only itself.
 */
export const readMembers = async (
  talk: Conversation,
  link: string | null,
  { cap = defaultCap, skip = () => false }: ListingOptions = {},
): Promise<Listing> => {
  if (link === null) return { members: [], missing: "not offered" };
  const { pages, missing } = await readPages(talk, targetOf(link), cap);
  const seen = new Set<string>();
  const members: Member[] = [];
  for (const member of pages) {
    const path = member.id();
    if (path === null || seen.has(keyOf(path)) || skip(path)) continue;
    seen.add(keyOf(path));
    if (members.length >= cap) return { members, missing: `more than ${cap} members` };
    const look: Look = isExpanded(member)
      ? { kind: "found", facts: member, reply: null }
      : await talk.look(path);
    members.push({ path, look });
  }
  return { members, missing };
};

/** The paths of the members, unread. */
export const readMemberPaths = async (
  talk: Conversation,
  link: string,
): Promise<readonly string[]> => {
  const { pages } = await readPages(talk, targetOf(link), defaultCap, false);
  return [
    ...new Map(
      pages.flatMap((member) => {
        const path = member.id();
        return path === null ? [] : [[keyOf(path), path] as const];
      }),
    ).values(),
  ];
};

interface Pages {
  readonly pages: readonly Facts[];
  readonly missing: string | null;
}

const readPages = async (
  talk: Conversation,
  path: string,
  cap: number,
  expand = true,
): Promise<Pages> => {
  const first = await readFirst(talk, path, expand);
  if (first.kind === "missing") return { pages: [], missing: first.reason };
  const pages: Facts[] = [];
  const visited = new Set([path.toLowerCase()]);
  let page: Look = first;
  for (let count = 0; count < maxPages; count += 1) {
    if (page.kind === "missing") return { pages, missing: `a page: ${page.reason}` };
    const members = page.facts.list("Members");
    pages.push(...members);
    const next = nextLink(page.facts, path);
    if (next === null || members.length === 0 || pages.length > cap) break;
    // A service that names a page again would keep us for ever.
    if (visited.has(next.toLowerCase())) break;
    visited.add(next.toLowerCase());
    page = await talk.look(next);
  }
  return { pages, missing: null };
};

/** Relative next links are relative to the collection: AMI writes `?$skip=75`. */
const nextLink = (page: Facts, path: string): string | null => {
  const next = page.text("Members@odata.nextLink") ?? page.text("@odata.nextLink");
  if (next === null) return null;
  return next.startsWith("?") ? `${path.split("?")[0]}${next}` : targetOf(next);
};

const readFirst = async (talk: Conversation, path: string, expand: boolean): Promise<Look> => {
  const root = await talk.root();
  if (!expand || !root.expands || talk.memory.expandFailed || path.includes("?")) {
    return talk.look(path);
  }
  const look = await talk.look(expanded(path));
  const members = look.kind === "found" ? look.facts.list("Members") : [];
  if (look.kind === "found" && (members.length === 0 || members.some(isExpanded))) return look;
  // Advertised but refused, cut off or ignored: single reads work everywhere, so this BMC is not asked again.
  const plain = await talk.look(path);
  if (plain.kind === "found" || look.kind === "found") talk.memory.expandFailed = true;
  return plain;
};
