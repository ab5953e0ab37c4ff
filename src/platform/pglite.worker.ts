import { fdatasyncSync, openAsBlob } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite, types, type PGliteOptions } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { type DatabaseReply, errorFields } from "./database-link.ts";
import type { PgliteRequest, PgliteWorkerData } from "./pglite-protocol.ts";

/**
 * The worker thread in which PGlite runs: in the main thread it would answer by microtasks only and starve
 * timers, sockets and heartbeats (decision 3).
 */

/** The part of Emscripten's module that we patch; internal to PGlite, which is why its version is pinned. */
interface EmscriptenModule {
  readonly NODEFS?: {
    readonly stream_ops: { fsync?: (stream: { readonly nfd?: number }) => number };
  };
}

let fsyncs = 0;

/**
 * A file system whose fsync reaches the disk. PGlite's own has no fsync operation at all, and PGlite starts
 * PostgreSQL with `-F`, so without this an acknowledged commit may be lost with the power.
 */
class DurableFs extends NodeFS {
  override async init(pg: PGlite, options: Partial<object>) {
    const result = await super.init(pg, options);
    const patch = (module: EmscriptenModule): void => {
      const operations = module.NODEFS?.stream_ops;
      if (operations === undefined) return;
      operations.fsync = (stream) => {
        if (stream.nfd !== undefined) fdatasyncSync(stream.nfd);
        fsyncs += 1;
        return 0;
      };
    };
    const before = (result.emscriptenOpts.preRun ?? []) as unknown as ((
      module: EmscriptenModule,
    ) => void)[];
    const preRun = before.map((run) => (module: EmscriptenModule) => {
      run(module);
      patch(module);
    });
    return { ...result, emscriptenOpts: { ...result.emscriptenOpts, preRun: preRun as never } };
  }
}

const parsers = { [types.INT8]: Number };

async function open({ dataDir, initial }: PgliteWorkerData): Promise<PGlite> {
  if (dataDir === null) {
    const loadDataDir = initial === null ? {} : { loadDataDir: await openAsBlob(initial) };
    return PGlite.create("memory://", { parsers, ...loadDataDir });
  }
  const options: PGliteOptions = {
    fs: new DurableFs(dataDir),
    parsers,
    startParams: [
      ...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"),
      "-c",
      "fsync=on",
      "-c",
      "wal_sync_method=fsync",
    ],
  };
  const pg = await PGlite.create(options);
  const before = fsyncs;
  await pg.exec(
    "create table if not exists fsync_probe (at timestamptz); delete from fsync_probe; insert into fsync_probe values (now())",
  );
  if (fsyncs === before) {
    throw new Error(
      "the embedded database does not sync to disk; refusing to start, because acknowledged work could be lost",
    );
  }
  return pg;
}

const port = parentPort;
if (port === null) throw new Error("pglite.worker.ts runs as a worker thread only");
const reply = (message: DatabaseReply): void => port.postMessage(message);

async function serve(pg: PGlite, request: PgliteRequest): Promise<void> {
  try {
    switch (request.do) {
      case "query": {
        const result = await pg.query<object>(request.sql, [...request.params]);
        reply({ id: request.id, rows: result.rows });
        return;
      }
      case "script":
        await pg.exec(request.sql);
        reply({ id: request.id, rows: [] });
        return;
      case "listen":
        await pg.listen(request.channel, (payload) =>
          reply({ id: 0, channel: request.channel, payload }),
        );
        reply({ id: request.id, rows: [] });
        return;
      case "close":
        await pg.close();
        reply({ id: request.id, rows: [] });
        return;
    }
  } catch (error) {
    reply({ id: request.id, error: errorFields(error) });
  }
}

try {
  const pg = await open(workerData as PgliteWorkerData);
  port.on("message", (request: PgliteRequest) => void serve(pg, request));
  reply({ id: 0, rows: [] });
} catch (error) {
  reply({ id: 0, error: errorFields(error) });
}
