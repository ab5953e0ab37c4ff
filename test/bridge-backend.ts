import { type Bridge, type BridgeOptions, openBridge } from "#platform/bridge.ts";
import { openBridged } from "#platform/bridged-database.ts";
import type { Database } from "#platform/database.ts";
import type { Backend } from "./backends.ts";
import { openMemoryDatabase } from "./memory-database.ts";

/** An embedded database with a bridge to it: the owner's connection, and those of others. */
export interface BridgedDatabase {
  readonly owner: Database;
  readonly secret: string;
  readonly port: () => number;
  /** Somebody else's connection. */
  another(): Promise<Database>;
  /** Ends the bridge and opens it again at the same port, as a restart of the owner would. */
  reopen(): Promise<void>;
  drop(): Promise<void>;
}

export async function openBridgedDatabase(
  options: Pick<BridgeOptions, "idleMs" | "patienceMs"> = {},
): Promise<BridgedDatabase> {
  const secret = "the right one";
  const owner = await openMemoryDatabase({ shared: true });
  const open = (port: number): Promise<Bridge> =>
    openBridge({ database: owner, port, secret, ...options });
  let bridge = await open(0);
  const opened: Database[] = [];
  return {
    owner,
    secret,
    port: () => bridge.port,
    async another() {
      const database = await openBridged({ port: bridge.port, secret });
      opened.push(database);
      return database;
    },
    async reopen() {
      await bridge.close();
      bridge = await open(bridge.port);
    },
    async drop() {
      await Promise.all(opened.map((database) => database.close()));
      await bridge.close();
      await owner.close();
    },
  };
}

/** The database as another process sees it that comes by the bridge. */
export const bridgeBackend: Backend = {
  kind: "pglite",
  async open() {
    const { another, drop } = await openBridgedDatabase();
    return { database: await another(), url: null, another, drop };
  },
};
