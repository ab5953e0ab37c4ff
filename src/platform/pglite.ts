import { Worker } from "node:worker_threads";
import type { Database, Param, Query } from "./database.ts";
import { DatabaseError, DatabaseLink, type DatabaseReply, type Unsent } from "./database-link.ts";
import type { PgliteRequest, PgliteWorkerData } from "./pglite-protocol.ts";

/** The worker thread, and who listens to what it hears. */
class WorkerLink {
  readonly #worker: Worker;
  readonly #link: DatabaseLink<PgliteRequest>;
  readonly #listeners = new Map<string, Set<(payload: string) => void>>();

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#link = new DatabaseLink({
      send: (request) => worker.postMessage(request),
      onNotice: (channel, payload) => {
        for (const listener of this.#listeners.get(channel) ?? []) listener(payload);
      },
    });
    worker.on("message", (reply: DatabaseReply) => this.#link.take(reply));
    worker.on("error", (error) => this.#link.lose(error));
    worker.on("exit", () => this.#link.lose(new Error("the embedded database has stopped")));
  }

  static async open(data: PgliteWorkerData): Promise<WorkerLink> {
    const worker = new Worker(new URL("./pglite.worker.ts", import.meta.url), { workerData: data });
    await new Promise<void>((resolve, reject) => {
      worker.once("error", reject);
      worker.once("message", (reply: DatabaseReply) => {
        worker.off("error", reject);
        if ("error" in reply) reject(new DatabaseError(reply.error));
        else resolve();
      });
    }).catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    return new WorkerLink(worker);
  }

  ask(request: Unsent<PgliteRequest>): Promise<readonly object[]> {
    return this.#link.ask(request);
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
    if (!this.#link.isLost) await this.ask({ do: "close" });
    await this.#worker.terminate();
  }
}

/**
 * The embedded database. The caller holds the lock on the data directory: two processes in one directory
 * corrupt it. `dataDir` null keeps everything in memory; then `initial` may name a file to begin with (the
 * uncompressed dump of a data directory), because making a new database takes most of the time. `shared`: a bridge
 * will let other processes in (bridge.ts).
 */
export async function openPglite(
  dataDir: string | null,
  {
    initial = null,
    shared = false,
  }: { readonly initial?: string | null; readonly shared?: boolean } = {},
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
    shared,
    query,
    transaction,
    async script(sql) {
      await turn;
      await link.ask({ do: "script", sql });
    },
    async listen(channel, onNotify) {
      // Within somebody's transaction it would be taken back together with that.
      await turn;
      return link.listen(channel, onNotify);
    },
    async tryLock(name) {
      // The database is this process's alone and others reach it through this process, so a lock within it is enough.
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
