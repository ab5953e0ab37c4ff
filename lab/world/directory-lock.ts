import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

/** SQLite's word for "somebody else has the lock". */
const busy = 5;

/** A lab's hold on the folder of its state. The operating system drops it when the process dies, however it dies. */
export interface DirectoryLock {
  /** Twice is once. */
  readonly release: () => void;
}

/** Takes the folder, which is created when it is not there; null at once when another lab has it. */
export function lockDirectory(folder: string): DirectoryLock | null {
  mkdirSync(folder, { recursive: true });
  const database = new DatabaseSync(path.join(folder, "lock"));
  try {
    // SQLite's exclusive transaction is a lock of the operating system on the file; nothing is ever stored.
    database.exec("pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive");
  } catch (error) {
    database.close();
    if ((error as { errcode?: unknown }).errcode === busy) return null;
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}
