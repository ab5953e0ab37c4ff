/**
 * The one way to PostgreSQL, whichever kind it is. Rows come back with `bigint` columns as JavaScript numbers
 * (positions stay far below 2^53), `timestamptz` as Date, `jsonb` parsed; parameters may be the same types,
 * and objects or arrays meant as `jsonb` are passed as JSON text.
 */

export type Param =
  | string
  | number
  | bigint
  | boolean
  | Date
  | null
  | Uint8Array
  | readonly string[]
  | readonly number[];

export type Query = <Row extends object = Record<string, unknown>>(
  sql: string,
  params?: readonly Param[],
) => Promise<Row[]>;

export interface Database {
  readonly kind: "pglite" | "postgres";
  /** Whether other processes may be using it too: they are then told of what this one does. */
  readonly shared: boolean;
  /** One statement, in its own transaction. */
  readonly query: Query;
  /**
   * Several statements in one transaction; rolled back when `work` throws. On PGlite there is one session:
   * awaiting `query` of the database itself inside `work` would wait for ever, so use the one handed in; and everybody
   * else waits, so be short.
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** A script of several statements without parameters (migrations). */
  script(sql: string): Promise<void>;
  /** Calls back for every `notify` on the channel after its transaction commits. Returns how to stop. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>;
  /**
   * Takes a named lock that is shared by all processes on this database and dies with this one. Returns its
   * release, or null at once when another holder has it. Not re-entrant.
   */
  tryLock(name: string): Promise<(() => Promise<void>) | null>;
  close(): Promise<void>;
}

/**
 * SQLSTATE of an error thrown by either backend, or null when it is not a database's error. Every SQLSTATE has a digit
 * in it, which tells it from the operating system's own five letters (EPIPE).
 */
export const sqlState = (thrown: unknown): string | null =>
  typeof thrown === "object" &&
  thrown !== null &&
  "code" in thrown &&
  typeof thrown.code === "string" &&
  /^(?=.*\d)[0-9A-Z]{5}$/.test(thrown.code)
    ? thrown.code
    : null;

/** Classes of SQLSTATE that say "not now": connection, resources, operator's intervention. */
const awayClasses = new Set(["08", "53", "57"]);
const awaySystemCodes = new Set(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EPIPE", "ETIMEDOUT"]);
/** `pg` gives these neither a code nor a class of their own. */
const awayMessages = [
  "Connection terminated",
  "timeout exceeded when trying to connect",
  "Client has encountered a connection error",
];

/** True for an error that says that the database does not answer for now: nothing is wrong with what was asked. */
export function isDatabaseAway(thrown: unknown): boolean {
  const state = sqlState(thrown);
  if (state !== null) return awayClasses.has(state.slice(0, 2));
  if (!(thrown instanceof Error)) return false;
  if ("code" in thrown && typeof thrown.code === "string") return awaySystemCodes.has(thrown.code);
  return awayMessages.some((message) => thrown.message.startsWith(message));
}
