import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** A dump as a file: lines of text. */

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
