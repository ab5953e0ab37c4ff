import { createReadStream } from "node:fs";
import { access, constants, open, rename, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { reasonOf } from "./refused.ts";

/** A dump as a file: lines of text. */

/** Throws in words when there is no such file, or it is not ours to read. */
export async function mustBeReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch (error) {
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * The file's lines. It is opened when the first of them is asked for: a line reader begins to read when it is made, and
 * what it reads before somebody listens is lost.
 */
export async function* linesOfFile(file: string): AsyncGenerator<string> {
  yield* createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
}

/** What is collected before it is written. */
const BATCH_CHARACTERS = 64 * 1024;

/**
 * Writes the lines that `produce` hands out. The file appears under its name when it is whole; what could not be
 * finished is removed. Throws in words when it cannot be written.
 */
export async function writeLines(
  file: string,
  produce: (write: (line: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const refused = (error: unknown): never => {
    throw new Error(`cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  };
  const partial = `${file}.partial`;
  const handle = await open(partial, "w", 0o600).catch(refused);
  let batch = "";
  const flush = async (): Promise<void> => {
    const text = batch;
    batch = "";
    await handle.appendFile(text).catch(refused);
  };
  try {
    await produce(async (line) => {
      batch += `${line}\n`;
      if (batch.length >= BATCH_CHARACTERS) await flush();
    });
    await flush();
    await handle.sync().catch(refused);
    await handle.close();
    await rename(partial, file).catch(refused);
  } catch (error) {
    await handle.close();
    await rm(partial, { force: true });
    throw error;
  }
}
