import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";

/**
 * A memory of one JSON line for every change, written before the request that caused it is answered, so that `kill -9` loses
 * nothing that was seen. Whoever keeps it knows what is still needed, and replaces the file by that in one rename: once it has
 * read it, and whenever an append says that it has grown.
 */
export class LineFile {
  readonly #file: string;
  readonly #leastGrowthBytes: number;
  #descriptor = -1;
  #baseBytes = 0;
  #grownBytes = 0;

  /** @param file in a folder that is created when it is not there. */
  constructor(file: string, { leastGrowthBytes }: { readonly leastGrowthBytes: number }) {
    mkdirSync(path.dirname(file), { recursive: true });
    this.#file = file;
    this.#leastGrowthBytes = leastGrowthBytes;
  }

  /** What was written, without a line that was cut by a kill: its change was never answered. */
  *read(): Iterable<unknown> {
    if (!existsSync(this.#file)) return;
    for (const text of readFileSync(this.#file, "utf8").split("\n")) {
      const line = parseLine(text);
      if (line !== undefined) yield line;
    }
  }

  /** Nothing is written once it is closed. True when it has grown to at least twice what it was replaced by. */
  append(text: string): boolean {
    if (this.#descriptor === -1) return false;
    this.#grownBytes += writeSync(this.#descriptor, `${text}\n`);
    return this.#grownBytes > Math.max(this.#leastGrowthBytes, this.#baseBytes);
  }

  replace(lines: readonly string[]): void {
    this.close();
    const whole = lines.map((line) => `${line}\n`).join("");
    const fresh = `${this.#file}.new`;
    // Private keys and tokens are in it.
    writeFileSync(fresh, whole, { mode: 0o600 });
    renameSync(fresh, this.#file);
    this.#descriptor = openSync(this.#file, "a");
    this.#baseBytes = Buffer.byteLength(whole);
    this.#grownBytes = 0;
  }

  close(): void {
    if (this.#descriptor === -1) return;
    closeSync(this.#descriptor);
    this.#descriptor = -1;
  }
}

function parseLine(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
