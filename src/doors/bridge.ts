import { type Bridge, openBridge } from "#platform/bridge.ts";
import { WRONG_SECRET } from "#platform/bridge-protocol.ts";
import { openBridged } from "#platform/bridged-database.ts";
import { type Cipher, createCipher } from "#platform/cipher.ts";
import type { Config } from "#platform/config.ts";
import { type Database, sqlState } from "#platform/database.ts";
import type { Log } from "#platform/log.ts";
import { bridgeRefused, noBridge } from "./refused.ts";

/**
 * The workers' way to an embedded database (decision 13). Both ends have the secret key, so what they know each other by is
 * made of it, and nothing has to be handed over but the port.
 */

/** What the secret is made for; nothing that is handed out is made for the same text. */
const SECRET_OF = "bridge";

/** The control plane's end. Throws in words when the port cannot be had. */
export async function openBridgeOf({
  config,
  log,
  database,
  cipher,
}: {
  readonly config: Config;
  readonly log: Log;
  readonly database: Database;
  readonly cipher: Cipher;
}): Promise<Bridge> {
  const bridge = await openBridge({
    database,
    port: config.MILLWRIGHT_BRIDGE_PORT,
    secret: cipher.token(SECRET_OF),
  }).catch((error: unknown) => {
    throw bridgeRefused(error);
  });
  log(
    "warn",
    "workers reach the embedded database by a bridge, which is for development: set MILLWRIGHT_DATABASE_URL for more than one machine",
    { port: bridge.port },
  );
  return bridge;
}

/** A worker's end. Throws in words when there is none, or it belongs to another secret key. */
export const openBridgeTo = (config: Config, secretKey: string): Promise<Database> =>
  openBridged({
    port: config.MILLWRIGHT_BRIDGE_PORT,
    secret: createCipher(secretKey).token(SECRET_OF),
  }).catch((error: unknown) => {
    throw noBridge(error, {
      port: config.MILLWRIGHT_BRIDGE_PORT,
      isOthers: sqlState(error) === WRONG_SECRET,
    });
  });
