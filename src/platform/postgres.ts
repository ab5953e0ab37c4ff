import pg from "pg";
import type { Database, Param, Query } from "./database.ts";

const INT8 = 20;

/** `bigint` as number, everything else as `pg` does it. */
const parsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8
      ? Number
      : pg.types.getTypeParser(oid, format)) as pg.CustomTypesConfig["getTypeParser"],
};

const asParam = (param: Param): unknown =>
  param instanceof Uint8Array
    ? Buffer.from(param.buffer, param.byteOffset, param.byteLength)
    : param;

const queryOf =
  (client: pg.Pool | pg.ClientBase): Query =>
  async <Row extends object>(sql: string, params: readonly Param[] = []) =>
    (await client.query(sql, params.map(asParam))).rows as Row[];

/** A connection of its own that comes back after the server was restarted; used for what lives in a session. */
class Session {
  readonly #url: string;
  readonly #onLost: () => void;
  #client: Promise<pg.Client> | null = null;
  #connected: pg.Client | null = null;
  #closed = false;

  constructor(url: string, onLost: () => void) {
    this.#url = url;
    this.#onLost = onLost;
  }

  client(): Promise<pg.Client> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#url,
      types: parsers,
      application_name: "millwright session",
    });
    // Said twice of the same connection (an error, then its end), perhaps after the next one was made.
    const lost = (): void => {
      if (this.#connected !== client) return;
      this.#connected = null;
      this.#client = null;
      if (!this.#closed) this.#onLost();
    };
    client.on("error", lost);
    client.on("end", lost);
    try {
      await client.connect();
      this.#connected = client;
      return client;
    } catch (error) {
      this.#client = null;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => null);
    this.#client = null;
    await client?.end();
  }
}

const RELISTEN_MS = 1_000;

/** A PostgreSQL server of version 15 or newer, shared with other processes. */
export async function openPostgres(
  url: string,
  options: { readonly maxConnections: number },
): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections,
    types: parsers,
    application_name: "millwright",
    connectionTimeoutMillis: 10_000,
    // A transaction left open would hold back every subscription of the whole server.
    options: "-c idle_in_transaction_session_timeout=60000",
  });
  // An idle connection that the server closed is replaced at the next query; without a listener it would end the process.
  pool.on("error", () => undefined);

  const version = await queryOf(pool)<{ version: string }>(
    "select current_setting('server_version_num') as version",
  ).catch(async (error: unknown) => {
    await pool.end();
    throw error;
  });
  if (Number(version[0]?.version) < 150_000) {
    await pool.end();
    throw new Error(`PostgreSQL 15 or newer is needed; this server says ${version[0]?.version}`);
  }

  const listeners = new Map<string, Set<(payload: string) => void>>();
  let closed = false;
  const notices = new Session(url, () => void relisten());

  async function relisten(): Promise<void> {
    while (!closed && listeners.size > 0) {
      try {
        const client = await notices.client();
        client.removeAllListeners("notification");
        client.on("notification", ({ channel, payload }) => {
          for (const listener of listeners.get(channel) ?? []) listener(payload ?? "");
        });
        for (const channel of listeners.keys())
          await client.query(`listen ${pg.escapeIdentifier(channel)}`);
        // Something may have been said while nobody listened.
        for (const each of listeners.values()) for (const listener of each) listener("");
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RELISTEN_MS));
      }
    }
  }

  // Session locks die with their connection: when it is lost, so are they, and another process may hold them.
  const held = new Map<string, symbol>();
  const lockSession = new Session(url, () => held.clear());

  return {
    kind: "postgres",
    shared: true,
    query: queryOf(pool),
    async transaction(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      // A connection lost between two statements tells nobody but this; without a listener it would end the process.
      const onLost = (error: Error): void => {
        broken = error;
      };
      client.on("error", onLost);
      try {
        await client.query("begin");
        const result = await work(queryOf(client));
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback").catch((failure: unknown) => {
          broken = failure instanceof Error ? failure : new Error(String(failure));
        });
        throw error;
      } finally {
        client.off("error", onLost);
        client.release(broken);
      }
    },
    async script(sql) {
      await pool.query(sql);
    },
    async listen(channel, onNotify) {
      const known = listeners.get(channel) ?? new Set();
      listeners.set(channel, known.add(onNotify));
      await relisten();
      return async () => {
        known.delete(onNotify);
      };
    },
    async tryLock(name) {
      if (held.has(name)) return null;
      const holding = Symbol(name);
      const letGo = (): void => {
        // After a lost connection the name may be somebody else's, of this process too.
        if (held.get(name) === holding) held.delete(name);
      };
      held.set(name, holding);
      try {
        const client = await lockSession.client();
        const result = await client.query<{ taken: boolean }>(
          "select pg_try_advisory_lock(hashtextextended($1, 0)) as taken",
          [name],
        );
        if (result.rows[0]?.taken !== true) {
          letGo();
          return null;
        }
        return async () => {
          letGo();
          await client
            .query("select pg_advisory_unlock(hashtextextended($1, 0))", [name])
            .catch(() => undefined);
        };
      } catch (error) {
        letGo();
        throw error;
      }
    },
    async close() {
      closed = true;
      await notices.close();
      await lockSession.close();
      await pool.end();
    },
  };
}
