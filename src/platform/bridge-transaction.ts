import type { Database, Query } from "./database.ts";

/** Thrown into a transaction so that the database takes it back; nobody is told of it. */
class TakenBack extends Error {}

/**
 * A transaction whose work is done in another process: it is open from its turn until it is ended, and holds everybody
 * else back meanwhile. One that is left alone between two statements for too long is said to be idle.
 */
export class BridgeTransaction {
  /** Resolves when it is its turn. */
  readonly begun: Promise<void>;
  readonly #outcome: Promise<void>;
  readonly #end = Promise.withResolvers<"keep" | "take back">();
  readonly #idle: { readonly ms: number; readonly onIdle: () => void };
  #query: Query | null = null;
  #timer: NodeJS.Timeout | undefined;
  #atWork = 0;

  constructor(database: Database, idle: { readonly ms: number; readonly onIdle: () => void }) {
    this.#idle = idle;
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    this.#outcome = database.transaction(async (query) => {
      this.#query = query;
      begun.resolve();
      this.#watch();
      if ((await this.#end.promise) === "take back") throw new TakenBack();
    });
    this.#outcome.catch(begun.reject);
  }

  /** A statement of the transaction. */
  readonly query: Query = async (sql, params) => {
    if (this.#query === null) throw new Error("the transaction is not open");
    this.#atWork += 1;
    clearTimeout(this.#timer);
    try {
      return await this.#query(sql, params);
    } finally {
      this.#atWork -= 1;
      this.#watch();
    }
  };

  /** Resolves once everything is committed, or taken back; rejects when it could not be committed. */
  async end(how: "keep" | "take back"): Promise<void> {
    clearTimeout(this.#timer);
    this.#end.resolve(how);
    try {
      await this.#outcome;
    } catch (error) {
      if (!(error instanceof TakenBack)) throw error;
    } finally {
      this.#query = null;
      clearTimeout(this.#timer);
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#atWork === 0) this.#timer = setTimeout(this.#idle.onIdle, this.#idle.ms);
  }
}
