import type { CommitPart } from "#journal/commit-batch.ts";
import type { Database } from "#platform/database.ts";

/**
 * The floor of everything that appends: the same rows into the same tables, group-committed in the same manner, and
 * nothing else. No expected version, no lease, no conflict, no digest, no JSON made while the clock runs.
 */

const lists = [
  "newStreams",
  "streams",
  "events",
  "newRuns",
  "runs",
  "servers",
  "takeLocks",
  "releaseLocks",
  "dispatch",
  "undispatch",
  "secrets",
] as const satisfies readonly (keyof CommitPart)[];

const APPEND = `
create or replace function bench_append(c jsonb) returns void language plpgsql as $$
begin
  if c ? 'newStreams' then
    insert into streams select s, n from jsonb_to_recordset(c->'newStreams') as x(s text, n integer);
  end if;
  if c ? 'streams' then
    update streams t set version = x.n from jsonb_to_recordset(c->'streams') as x(s text, n integer) where t.stream = x.s;
  end if;
  if c ? 'events' then
    insert into events (stream, version, type, data, meta, occurred_at, digest)
      select s, v, t, d, m, a, g
      from jsonb_to_recordset(c->'events') as x(s text, v integer, t text, d jsonb, m jsonb, a timestamptz, g text);
  end if;
  if c ? 'newRuns' then
    insert into runs select * from jsonb_populate_recordset(null::runs, c->'newRuns');
  end if;
  if c ? 'runs' then
    update runs r set status = x.status, phase = x.phase, attention = x.attention, started_at = x.started_at,
        completed_at = x.completed_at, stream_version = x.stream_version, state = x.state, output = x.output
      from jsonb_to_recordset(c->'runs') as x(id text, status text, phase text, attention boolean,
        started_at timestamptz, completed_at timestamptz, stream_version integer, state jsonb, output jsonb)
      where r.id = x.id collate "C";
  end if;
  if c ? 'servers' then
    insert into servers select * from jsonb_populate_recordset(null::servers, c->'servers')
      on conflict (id) do update set stream_version = excluded.stream_version, body = excluded.body;
  end if;
  if c ? 'takeLocks' then
    insert into locks select resource, run, at
      from jsonb_to_recordset(c->'takeLocks') as x(resource text, run text, at timestamptz);
  end if;
  if c ? 'releaseLocks' then
    delete from locks where resource in (select resource from jsonb_to_recordset(c->'releaseLocks') as x(resource text));
  end if;
  if c ? 'dispatch' then
    insert into dispatch (run_id, kind, due_at)
      select run, kind, due from jsonb_to_recordset(c->'dispatch') as x(run text, kind text, due timestamptz);
  end if;
  if c ? 'undispatch' then
    delete from dispatch where run_id in (select jsonb_array_elements_text(c->'undispatch'));
  end if;
  if c ? 'secrets' then
    insert into secrets (id, sealed, run_id, created_at) select id, decode(sealed, 'base64'), run, at
      from jsonb_to_recordset(c->'secrets') as x(id text, sealed text, run text, at timestamptz);
  end if;
end $$`;

/** The rows of one append as JSON text, list by list, without brackets. */
export type BareRows = Readonly<Partial<Record<(typeof lists)[number], string>>>;

export function bareRows(part: CommitPart, replace: (json: string) => string): BareRows {
  const rows: Partial<Record<(typeof lists)[number], string>> = {};
  for (const list of lists) {
    const items = part[list];
    if (items !== undefined) rows[list] = replace(items.join(","));
  }
  return rows;
}

const MAX_GROUP = 64;

/** Appends that arrive while a group is being written form the next one, as in the journal. */
export class BareAppender {
  readonly #database: Database;
  #waiting: {
    readonly rows: BareRows;
    readonly done: () => void;
    readonly failed: (error: unknown) => void;
  }[] = [];
  #writing = false;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async on(database: Database): Promise<BareAppender> {
    await database.query(APPEND);
    return new BareAppender(database);
  }

  append(rows: BareRows): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ rows, done, failed });
      if (this.#writing) return;
      this.#writing = true;
      queueMicrotask(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      try {
        await this.#database.query("select bench_append($1::jsonb)", [merged(group)]);
        for (const { done } of group) done();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#writing = false;
  }
}

function merged(group: readonly { readonly rows: BareRows }[]): string {
  const texts = lists.flatMap((list) => {
    const items = group.flatMap(({ rows }) => rows[list] ?? []);
    return items.length === 0 ? [] : [`"${list}":[${items.join(",")}]`];
  });
  return `{${texts.join(",")}}`;
}
