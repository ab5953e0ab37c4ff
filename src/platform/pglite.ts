import { Worker } from "node:worker_threads";
import type { Database, Param, Query } from "./database.ts";
import type { PgliteReply, PgliteRequest, PgliteWorkerData } from "./pglite-protocol.ts";

/** An error of the embedded database, with the same fields as `pg`'s. */
class PgliteError extends Error {
  readonly code: string | null;
  readonly constraint: string | null;
  readonly detail: string | null;
  constructor(error: {
    readonly message: string;
    readonly code: string | null;
    readonly constraint: string | null;
    readonly detail: string | null;
  }) {
    super(error.message);
    this.name = "PgliteError";
    this.code = error.code;
    this.constraint = error.constraint;
    this.detail = error.detail;
  }
}

type Unsent<T> = T extends unknown ? Omit<T, "id"> : never;

/** The worker thread as a function from request to rows. */
class WorkerLink {
  readonly #worker: Worker;
  readonly #pending = new Map<
    number,
    { resolve: (rows: readonly object[]) => void; reject: (error: Error) => void }
  >();
  readonly #listeners = new Map<string, Set<(payload: string) => void>>();
  #lastId = 0;
  #gone: Error | null = null;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (reply: PgliteReply) => this.#take(reply));
    const lost = (error: Error): void => {
      this.#gone = error;
      for (const waiter of this.#pending.values()) waiter.reject(error);
      this.#pending.clear();
    };
    worker.on("error", lost);
    worker.on("exit", () => lost(new Error("the embedded database has stopped")));
  }

  static async open(data: PgliteWorkerData): Promise<WorkerLink> {
    const worker = new Worker(new URL("./pglite.worker.ts", import.meta.url), { workerData: data });
    await new Promise<void>((resolve, reject) => {
      worker.once("error", reject);
      worker.once("message", (reply: PgliteReply) => {
        worker.off("error", reject);
        if ("error" in reply) reject(new PgliteError(reply.error));
        else resolve();
      });
    }).catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    return new WorkerLink(worker);
  }

  #take(reply: PgliteReply): void {
    if ("channel" in reply) {
      for (const listener of this.#listeners.get(reply.channel) ?? []) listener(reply.payload);
      return;
    }
    const waiter = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ("error" in reply) waiter?.reject(new PgliteError(reply.error));
    else waiter?.resolve(reply.rows);
  }

  ask(request: Unsent<PgliteRequest>): Promise<readonly object[]> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id });
    });
  }

  async listen(channel: string, listener: (payload: string) => void): Promise<() => Promise<void>> {
    const known = this.#listeners.get(channel);
    if (known === undefined) {
      this.#listeners.set(channel, new Set([listener]));
      await this.ask({ do: "listen", channel });
    } else {
      known.add(listener);
    }
    return async () => {
      this.#listeners.get(channel)?.delete(listener);
    };
  }

  async close(): Promise<void> {
    if (this.#gone === null) await this.ask({ do: "close" });
    await this.#worker.terminate();
  }
}

/**
 * The embedded database. The caller holds the lock on the data directory: two processes in one directory
 * corrupt it. `dataDir` null keeps everything in memory; then `initial` may name a file to begin with (the
 * uncompressed dump of a data directory), because making a new database takes most of the time.
 */
export async function openPglite(
  dataDir: string | null,
  { initial = null }: { readonly initial?: string | null } = {},
): Promise<Database> {
  const link = await WorkerLink.open({ dataDir, initial });
  const locks = new Map<string, symbol>();
  // One session serves everybody, so while a transaction is open nobody else's statement may slip into it.
  let turn: Promise<unknown> = Promise.resolve();

  const ask: Query = async <Row extends object>(sql: string, params: readonly Param[] = []) =>
    (await link.ask({ do: "query", sql, params })) as Row[];

  // Statements outside transactions may overlap (the worker takes them in order); only a transaction is alone.
  const query: Query = async <Row extends object>(sql: string, params: readonly Param[] = []) => {
    await turn;
    return ask<Row>(sql, params);
  };

  const transaction = <T>(work: (query: Query) => Promise<T>): Promise<T> => {
    const mine = turn.then(async () => {
      await ask("begin");
      try {
        const result = await work(ask);
        await ask("commit");
        return result;
      } catch (error) {
        await ask("rollback");
        throw error;
      }
    });
    turn = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  };

  return {
    kind: "pglite",
    query,
    transaction,
    async script(sql) {
      await turn;
      await link.ask({ do: "script", sql });
    },
    listen: (channel, onNotify) => link.listen(channel, onNotify),
    async tryLock(name) {
      // The data directory belongs to this process alone, so a lock among processes is a lock within it.
      if (locks.has(name)) return null;
      const holding = Symbol(name);
      locks.set(name, holding);
      return async () => {
        if (locks.get(name) === holding) locks.delete(name);
      };
    },
    async close() {
      await turn;
      await link.close();
    },
  };
}
