import type { CommitPart } from "#journal/commit-batch.ts";
import { createIds } from "#platform/ids.ts";
import { type BareRows, bareRows } from "./bare-append.ts";
import { type Place, openPlace } from "./databases.ts";

/** The rows that accepting one registration wrote, read back from the database, to be written again under other ids. */

export interface AcceptedRows {
  readonly run: string;
  readonly server: string;
  readonly secret: string;
  readonly address: string;
  readonly part: CommitPart;
}

interface Row {
  readonly row: string;
}

/** Of a run that nobody has begun, so that there is nothing but its acceptance. Nobody may have the database open. */
export async function readAcceptedRows(place: Place): Promise<AcceptedRows> {
  const database = await openPlace(place);
  try {
    const [found] = await database.query<{
      run: string;
      server: string;
      secret: string;
      address: string;
    }>(
      `select r.id as run, s.id as server, c.id as secret, s.bmc_address as address
        from runs r join servers s on s.id = r.resource_id join secrets c on c.run_id = r.id
        where r.status = 'pending' order by r.id desc limit 1`,
    );
    if (found === undefined) throw new Error("no registration is waiting to begin");
    const { run, server } = found;
    const texts = async (sql: string, ...params: string[]): Promise<string[]> =>
      (await database.query<Row>(sql, params)).map(({ row }) => row);
    const part: CommitPart = {
      newStreams: await texts(
        "select json_build_object('s', stream, 'n', version)::text as row from streams where stream in ($1, $2)",
        run,
        server,
      ),
      events: await texts(
        `select json_build_object('s', stream, 'v', version, 't', type, 'd', data, 'm', meta, 'a', occurred_at,
          'g', digest)::text as row from events where stream in ($1, $2) order by position`,
        run,
        server,
      ),
      newRuns: await texts("select to_json(r)::text as row from runs r where id = $1", run),
      servers: await texts("select to_json(s)::text as row from servers s where id = $1", server),
      takeLocks: await texts(
        "select json_build_object('resource', resource, 'run', run_id, 'at', taken_at)::text as row from locks where run_id = $1",
        run,
      ),
      dispatch: await texts(
        "select json_build_object('run', run_id, 'kind', kind, 'due', due_at)::text as row from dispatch where run_id = $1",
        run,
      ),
      secrets: await texts(
        `select json_build_object('id', id, 'sealed', translate(encode(sealed, 'base64'), E'\\n', ''), 'run', run_id,
          'at', created_at)::text as row from secrets where run_id = $1`,
        run,
      ),
    };
    return { ...found, part };
  } finally {
    await database.close();
  }
}

export function acceptedCopies(rows: AcceptedRows, count: number): BareRows[] {
  const ids = createIds(() => Date.now());
  return Array.from({ length: count }, () => {
    const run = ids.run();
    const server = ids.server();
    const secret = ids.secret();
    return bareRows(rows.part, (json) =>
      json
        .replaceAll(rows.run, run)
        .replaceAll(rows.server, server)
        .replaceAll(rows.secret, secret),
    );
  });
}
