import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readMigrations } from "#journal/migrate.ts";
import { command } from "./control-plane.ts";

/**
 * An embedded database that has just been made. Making one takes ten times as long as opening it, so tests that are
 * not about the first start copy one, which is kept where tools keep what they can make again.
 */

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(root, "node_modules/.cache/millwright");

/** Another migration or another version of the engine makes another database. */
function pathOf(): string {
  const hash = createHash("sha256");
  for (const { digest } of readMigrations()) hash.update(digest);
  hash.update(readFileSync(join(root, "node_modules/@electric-sql/pglite/package.json")));
  return join(cache, `database-${hash.digest("hex").slice(0, 16)}`);
}

/** Puts such a database into a data directory that has none. */
export async function copyDatabase(dataDir: string): Promise<void> {
  const prepared = pathOf();
  if (!existsSync(prepared)) await prepare(prepared);
  cpSync(prepared, join(dataDir, "database"), { recursive: true });
}

async function prepare(prepared: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, "making-"));
  try {
    const made = await command(["migrate"], { MILLWRIGHT_DATA_DIR: scratch });
    if (made.code !== 0) throw new Error(`no database could be made: ${made.stderr}`);
    renameSync(join(scratch, "database"), prepared);
  } catch (error) {
    // Another test file may have been faster.
    if (!existsSync(prepared)) throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
