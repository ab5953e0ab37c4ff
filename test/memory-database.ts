import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import type { Database } from "#platform/database.ts";
import { openPglite } from "#platform/pglite.ts";

/**
 * A new, empty database in memory for a test. To make one takes PGlite seconds of processor time, to load one that was
 * made before an eighth of it. So the first test keeps what it made where tools keep what they can make again.
 */

const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));
const cache = join(modules, ".cache/millwright");

/** Another version of PGlite makes another database. */
function pathOf(): string {
  const engine = readFileSync(join(modules, "@electric-sql/pglite/package.json"));
  const hash = createHash("sha256").update(engine).digest("hex");
  return join(cache, `memory-${hash.slice(0, 16)}.tar`);
}

async function prepare(prepared: string): Promise<void> {
  const made = await PGlite.create("memory://");
  const dump = await made.dumpDataDir("none");
  await made.close();
  mkdirSync(cache, { recursive: true });
  // Two test files may make it at the same moment. The first one's stays: a file that is replaced cannot be read on.
  const own = `${prepared}.${process.pid}`;
  writeFileSync(own, Buffer.from(await dump.arrayBuffer()));
  try {
    linkSync(own, prepared);
  } catch (error) {
    if (!existsSync(prepared)) throw error;
  } finally {
    rmSync(own);
  }
}

/** `shared`: a bridge lets others in. */
export async function openMemoryDatabase({
  shared = false,
}: { readonly shared?: boolean } = {}): Promise<Database> {
  const prepared = pathOf();
  if (!existsSync(prepared)) await prepare(prepared);
  return openPglite(null, { initial: prepared, shared });
}
