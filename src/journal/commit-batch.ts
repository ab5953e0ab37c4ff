import { eventDigest, storable, storableText } from "./canonical.ts";
import type { Query } from "#platform/database.ts";
import type { Commit, NewEvent, RowWrite } from "./journal.ts";

/** The argument of the SQL function `journal_commit`, list by list. Absent lists are skipped there. */
export type CommitBatch = { readonly [list in CommitList]?: readonly unknown[] };

/** The same with each item as JSON text, made once when a commit is handed in: a group is made by joining texts. */
export type CommitPart = { [list in CommitList]?: string[] };

type CommitList =
  | "fences"
  | "keys"
  | "takeLocks"
  | "moveLocks"
  | "releaseLocks"
  | "newStreams"
  | "streams"
  | "events"
  | "newRuns"
  | "runs"
  | "servers"
  | "goneServers"
  | "pools"
  | "gonePools"
  | "clusters"
  | "goneClusters"
  | "vms"
  | "goneVms"
  | "dispatch"
  | "undispatch"
  | "secrets"
  | "moveSecrets"
  | "expireSecrets"
  | "disownSecrets";

const iso = (ms: number): string => new Date(ms).toISOString();

/** Where the rows of a table go that are there, and those that are not there any more. */
const rowLists = {
  servers: { present: "servers", gone: "goneServers" },
  pools: { present: "pools", gone: "gonePools" },
  clusters: { present: "clusters", gone: "goneClusters" },
  vms: { present: "vms", gone: "goneVms" },
} as const satisfies Record<
  Exclude<RowWrite["table"], "runs">,
  Readonly<Record<"present" | "gone", CommitList>>
>;

const put = (part: CommitPart, list: CommitList, item: object | string): void => {
  (part[list] ??= []).push(JSON.stringify(item));
};

/** What of a run's row changes after its first: the columns that `journal_commit` updates. */
const changing = [
  "id",
  "status",
  "phase",
  "attention",
  "started_at",
  "completed_at",
  "stream_version",
  "state",
  "output",
] as const;

/** A commit made ready for SQL once, when it is handed in: its part of a batch and what it touches. */
export interface PreparedCommit {
  readonly part: CommitPart;
  /** Two commits that share one of these must not be merged: the second would not see the first. */
  readonly touches: readonly string[];
}

export function prepareCommit(commit: Commit): PreparedCommit {
  const part: CommitPart = {};
  const touches: string[] = [];
  const fresh = new Set<string>();

  if (commit.fence !== undefined) put(part, "fences", commit.fence);
  for (const { caller, key, fingerprint, answer, at } of commit.keys ?? []) {
    put(part, "keys", { caller, key, fingerprint, answer: storable(answer), at: iso(at) });
    touches.push(`key ${caller} ${key}`);
  }
  for (const { resource, run, at } of commit.takeLocks ?? []) {
    put(part, "takeLocks", { resource, run, at: iso(at) });
    touches.push(`lock ${resource}`);
  }
  for (const move of commit.moveLocks ?? []) {
    put(part, "moveLocks", move);
    touches.push(`lock ${move.resource}`);
  }
  for (const release of commit.releaseLocks ?? []) {
    put(part, "releaseLocks", release);
    touches.push(`lock ${release.resource}`);
  }
  for (const { stream, expected, events } of commit.appends) {
    touches.push(`stream ${stream}`);
    const next = expected + events.length;
    if (expected === 0) {
      fresh.add(stream);
      put(part, "newStreams", { s: stream, n: next });
    } else {
      put(part, "streams", { s: stream, e: expected, n: next });
    }
    for (const [index, event] of events.entries())
      (part.events ??= []).push(eventText(stream, expected + index + 1, event));
  }
  for (const row of commit.rows ?? []) {
    touches.push(`row ${row.id}`);
    const { table, columns } = row;
    if (table !== "runs") {
      if (columns === null) put(part, rowLists[table].gone, row.id);
      else (part[rowLists[table].present] ??= []).push(storableText(columns));
    } else if (columns !== null && fresh.has(row.id)) {
      (part.newRuns ??= []).push(storableText(columns));
    } else if (columns !== null) {
      const changed = Object.fromEntries(changing.map((name) => [name, columns[name]]));
      (part.runs ??= []).push(storableText(changed));
    }
  }
  for (const { run, kind, dueAt, release } of commit.dispatch ?? []) {
    touches.push(`dispatch ${run}`);
    if (dueAt === null) put(part, "undispatch", run);
    else put(part, "dispatch", { run, kind, due: iso(dueAt), release });
  }
  for (const { id, sealed, run, at } of commit.secrets ?? []) {
    put(part, "secrets", { id, sealed: Buffer.from(sealed).toString("base64"), run, at: iso(at) });
  }
  for (const move of commit.moveSecrets ?? []) put(part, "moveSecrets", move);
  for (const { run, at } of commit.expireSecrets ?? [])
    put(part, "expireSecrets", { run, at: iso(at) });
  for (const disowned of commit.disownSecrets ?? []) put(part, "disownSecrets", disowned);
  return { part, touches };
}

function eventText(stream: string, version: number, given: NewEvent): string {
  const data = storableText(given.data);
  const meta = storableText(given.meta);
  const digest = eventDigest(stream, version, {
    ...given,
    data: JSON.parse(data) as unknown,
    meta: JSON.parse(meta) as NewEvent["meta"],
  });
  const head = JSON.stringify({
    s: stream,
    v: version,
    t: given.type,
    a: iso(given.at),
    g: digest,
  });
  return `${head.slice(0, -1)},"d":${data},"m":${meta}}`;
}

/** One argument, as JSON text, out of several parts that touch nothing in common. */
export function mergeParts(parts: readonly CommitPart[]): string {
  const merged = new Map<string, string[]>();
  for (const part of parts) {
    for (const [list, items] of Object.entries(part)) {
      const known = merged.get(list);
      if (known === undefined) merged.set(list, [...items]);
      else known.push(...items);
    }
  }
  return `{${[...merged].map(([list, items]) => `"${list}":[${items.join(",")}]`).join(",")}}`;
}

/** Writes several parts that touch nothing in common, all or nothing. */
export const writeParts = async (query: Query, parts: readonly CommitPart[]): Promise<void> => {
  await query("select journal_commit($1::jsonb)", [mergeParts(parts)]);
};
