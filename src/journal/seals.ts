import { hash } from "node:crypto";
import type { Clock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";

/**
 * Sealed blocks. A seal's digest covers the digests of its events in the order of their positions and the seal before
 * it, so the newest seal stands for the whole journal up to it. Whoever can write the database can also forge
 * seals; a seal that was noted somewhere else (each is logged) cannot be forged any more.
 */
export interface Seal {
  readonly number: number;
  /** The block begins behind this position and ends with `to`. */
  readonly after: number;
  readonly to: number;
  readonly events: number;
  readonly digest: string;
}

interface Row {
  readonly number: number;
  readonly after_position: number;
  readonly to_position: number;
  readonly events: number;
  readonly digest: string;
}

const GENESIS = hash("sha256", "millwright journal");

/** Events in one block at most: what is read at once. */
const BLOCK = 10_000;

const sealOf = (row: Row): Seal => ({
  number: Number(row.number),
  after: Number(row.after_position),
  to: Number(row.to_position),
  events: Number(row.events),
  digest: row.digest,
});

export async function readSeals(
  database: Pick<Database, "query">,
  after: number,
  limit: number,
): Promise<Seal[]> {
  const rows = await database.query<Row>(
    `select number, after_position, to_position, events, digest from seals
      where number > $1 order by number limit $2`,
    [after, limit],
  );
  return rows.map(sealOf);
}

const lastSeal = async (database: Database): Promise<Seal | null> => {
  const [row] = await database.query<Row>(
    "select number, after_position, to_position, events, digest from seals order by number desc limit 1",
  );
  return row === undefined ? null : sealOf(row);
};

const digestsIn = async (
  database: Database,
  { after, to }: { readonly after: number; readonly to: number },
): Promise<readonly { readonly position: number; readonly digest: string }[]> => {
  const rows = await database.query<{ position: number; digest: string }>(
    `select position, digest from events where position > $1 and position <= $2
      order by position limit ${BLOCK}`,
    [after, to],
  );
  return rows.map(({ position, digest }) => ({ position: Number(position), digest }));
};

const sealDigest = (before: string, number: number, digests: readonly string[]): string =>
  hash("sha256", [before, String(number), ...digests].join("\n"));

/** A position and the transactions that were open when it was the last: once they have ended, nothing comes below it. */
interface Mark {
  readonly position: number;
  readonly tx: string;
}

const markNow = async (database: Database): Promise<Mark> => {
  const [row] = await database.query<{ position: number; tx: string }>(
    "select coalesce(max(position), 0) as position, pg_snapshot_xmax(pg_current_snapshot())::text as tx from events",
  );
  return { position: Number(row?.position ?? 0), tx: row?.tx ?? "0" };
};

const isSettled = async (database: Database, { tx }: Mark): Promise<boolean> => {
  const [row] = await database.query<{ settled: boolean }>(
    "select pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 as settled",
    [tx],
  );
  return row?.settled === true;
};

export interface SealerOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Seals what has settled since the last call; called from time to time. Positions are given out before their
 * transactions commit, so a block ends at a position that was the last one at an earlier call, when every transaction
 * of that time has ended. Several processes may seal at the same time: one of them writes each number.
 */
export const createSealer = ({ database, clock, log }: SealerOptions): (() => Promise<void>) => {
  let mark: Mark | null = null;

  const sealUpTo = async (position: number): Promise<void> => {
    let last = await lastSeal(database);
    while ((last?.to ?? 0) < position) {
      const after = last?.to ?? 0;
      const found = await digestsIn(database, { after, to: position });
      const end = found.at(-1);
      if (end === undefined) return;
      const number = (last?.number ?? 0) + 1;
      const digest = sealDigest(
        last?.digest ?? GENESIS,
        number,
        found.map((event) => event.digest),
      );
      const seal: Seal = { number, after, to: end.position, events: found.length, digest };
      const written = await database.query(
        `insert into seals (number, after_position, to_position, events, digest, sealed_at)
          values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning number`,
        [number, after, seal.to, seal.events, digest, new Date(clock.now())],
      );
      if (written.length === 0) return;
      log("info", "journal.sealed", { seal: number, events: seal.events, to: seal.to, digest });
      last = seal;
    }
  };

  return async () => {
    if (mark !== null && (await isSettled(database, mark))) {
      await sealUpTo(mark.position);
      mark = null;
    }
    mark ??= await markNow(database);
  };
};

export interface SealReport {
  readonly seals: number;
  /** The newest seal that holds, with all before it; null when there is none. */
  readonly last: Seal | null;
  /** The first seal that does not fit its events or the seal before it; nothing can be said of those behind it. */
  readonly broken: { readonly number: number; readonly problem: string } | null;
  /** Events behind the newest seal. */
  readonly unsealed: number;
}

/** Recomputes every seal from its events. Writes nothing. */
export async function verifySeals(database: Database): Promise<SealReport> {
  let last: Seal | null = null;
  let broken: SealReport["broken"] = null;
  let seals = 0;
  while (broken === null) {
    const page: Seal[] = await readSeals(database, last?.number ?? 0, 100);
    for (const seal of page) {
      const problem = await problemOf(database, seal, last);
      if (problem !== null) {
        broken = { number: seal.number, problem };
        break;
      }
      last = seal;
      seals += 1;
    }
    if (page.length === 0) break;
  }
  const [row] = await database.query<{ n: number }>(
    "select count(*) as n from events where position > $1",
    [last?.to ?? 0],
  );
  return { seals, last, broken, unsealed: Number(row?.n ?? 0) };
}

async function problemOf(
  database: Database,
  seal: Seal,
  before: Seal | null,
): Promise<string | null> {
  const number = (before?.number ?? 0) + 1;
  if (seal.number !== number) return `seal ${number} is missing`;
  if (seal.after !== (before?.to ?? 0)) return "it does not begin where the seal before it ends";
  const found = await digestsIn(database, seal);
  if (found.length !== seal.events)
    return `it was made over ${seal.events} events, there are ${found.length}`;
  const digest = sealDigest(
    before?.digest ?? GENESIS,
    number,
    found.map((event) => event.digest),
  );
  return digest === seal.digest ? null : "its events or the seals before it were changed";
}
