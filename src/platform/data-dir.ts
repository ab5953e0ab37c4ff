import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * The data directory: the embedded database, generated keys, and locks that the operating system drops when a
 * process dies, however it dies.
 */

/** SQLite's word for "somebody else has the lock". */
const SQLITE_BUSY = 5;

/**
 * The locks that this process holds until it ends. They must stay reachable: SQLite closes a database, and the
 * operating system drops its lock, when the garbage collector finds that nobody knows it any more.
 */
const held: DatabaseSync[] = [];

/** Takes an exclusive lock on a file; null at once when another process has it. */
function lockFile(file: string): DatabaseSync | null {
  const database = new DatabaseSync(file);
  try {
    // SQLite's exclusive transaction is a lock of the operating system on the file; nothing is ever stored.
    database.exec("pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive");
    return database;
  } catch (error) {
    database.close();
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return null;
    throw error;
  }
}

export class DataDirInUse extends Error {
  constructor(dir: string) {
    super(
      `the data directory ${dir} is in use by another Millwright process; stop that one, or set MILLWRIGHT_DATA_DIR to another directory`,
    );
    this.name = "DataDirInUse";
  }
}

const MAX_SLOTS = 64;

export interface DataDir {
  readonly path: string;
  /** Takes the whole directory: needed by the embedded database, which two processes would corrupt. Throws DataDirInUse. */
  lockAlone(): void;
  /**
   * The name under which this process holds leases, `<directory id>/<slot>`, and the names of processes of this
   * directory that are certainly dead, because their slot's lock is free: their leases may be taken at once. The dead
   * ones' slots stay locked until `release`, so that no new process takes such a name while its leases are freed.
   */
  claimOwner(): {
    readonly owner: string;
    readonly dead: readonly string[];
    release(): void;
  };
  /** The content of a file made once, mode 600; `make` is called when it does not exist. */
  once(name: string, make: () => string): { readonly value: string; readonly made: boolean };
  /** The content of such a file, null when it was never made. */
  existing(name: string): string | null;
}

export function openDataDir(dir: string): DataDir {
  const path = resolve(dir);
  mkdirSync(path, { recursive: true, mode: 0o700 });

  const once: DataDir["once"] = (name, make) => {
    const file = join(path, name);
    if (existsSync(file)) return { value: readFileSync(file, "utf8").trim(), made: false };
    const value = make();
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, `${value}\n`, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    let made = true;
    try {
      // A link fails where a rename would replace: of two processes that start at once, one makes the file.
      linkSync(temporary, file);
    } catch (error) {
      if (!existsSync(file)) throw error;
      made = false;
    } finally {
      rmSync(temporary);
    }
    return { value: readFileSync(file, "utf8").trim(), made };
  };

  return {
    path,
    once,
    existing(name) {
      const file = join(path, name);
      return existsSync(file) ? readFileSync(file, "utf8").trim() : null;
    },
    lockAlone() {
      const lock = lockFile(join(path, "lock"));
      if (lock === null) throw new DataDirInUse(path);
      held.push(lock);
    },
    claimOwner() {
      const id = once("directory-id", () => crypto.randomUUID()).value;
      mkdirSync(join(path, "slots"), { recursive: true });
      let owner: string | null = null;
      const dead: string[] = [];
      const probed: DatabaseSync[] = [];
      for (let slot = 0; slot < MAX_SLOTS; slot += 1) {
        const file = join(path, "slots", String(slot));
        const isNew = !existsSync(file);
        if (owner !== null && isNew) break;
        const lock = lockFile(file);
        if (lock === null) continue;
        const name = `${id}/${slot}`;
        if (!isNew) dead.push(name);
        if (owner === null) {
          owner = name;
          held.push(lock);
        } else {
          probed.push(lock);
          held.push(lock);
        }
      }
      if (owner === null) throw new DataDirInUse(path);
      const release = (): void => {
        for (const lock of probed.splice(0)) {
          held.splice(held.indexOf(lock), 1);
          lock.close();
        }
      };
      return { owner, dead, release };
    },
  };
}
