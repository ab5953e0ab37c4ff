import type { Database } from "#platform/database.ts";
import { eventDigest } from "./canonical.ts";
import type { RecordedEvent } from "./journal.ts";
import { type SealReport, verifySeals } from "./seals.ts";

/** What a check of the whole journal found. */
export interface AuditReport {
  readonly events: number;
  readonly streams: number;
  readonly seals: SealReport;
  /** Events whose content is not what their digest says, or that are missing from their stream. */
  readonly problems: readonly {
    readonly stream: string;
    readonly version: number;
    readonly problem: string;
  }[];
}

interface Row extends Omit<RecordedEvent, "at" | "cursor"> {
  readonly occurred_at: Date;
}

const PAGE = 1_000;

/** Reads every event and recomputes its digest and every seal; finds changed content and holes in streams. Writes nothing. */
export async function verifyAudit(database: Database): Promise<AuditReport> {
  const problems: { stream: string; version: number; problem: string }[] = [];
  let events = 0;
  let streams = 0;
  let last = { stream: "", version: 0 };
  for (;;) {
    const rows = await database.query<Row>(
      `select position, stream, version, type, data, meta, occurred_at, digest from events
        where (stream, version) > ($1, $2) order by stream, version limit $3`,
      [last.stream, last.version, PAGE],
    );
    for (const row of rows) {
      const expected = row.stream === last.stream ? last.version + 1 : 1;
      if (expected === 1) streams += 1;
      if (row.version !== expected) {
        problems.push({
          stream: row.stream,
          version: expected,
          problem: `missing: the next one is ${row.version}`,
        });
      }
      const digest = eventDigest(row.stream, row.version, {
        ...row,
        at: row.occurred_at.getTime(),
      });
      if (digest !== row.digest)
        problems.push({
          stream: row.stream,
          version: row.version,
          problem: "the content does not have its digest",
        });
      last = { stream: row.stream, version: row.version };
      events += 1;
    }
    if (rows.length < PAGE) break;
  }
  const heads = await database.query<{ stream: string; version: number; found: number | null }>(
    `select stream, coalesce(s.version, 0) as version, e.found from streams s
      full join (select stream, max(version) as found from events group by stream) e using (stream)
      where e.found is distinct from s.version order by stream`,
  );
  for (const { stream, version, found } of heads) {
    problems.push({
      stream,
      version,
      problem: `the stream should end here, it ends at ${found ?? 0}`,
    });
  }
  return { events, streams, problems, seals: await verifySeals(database) };
}
