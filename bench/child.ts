import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A process of our own that says what happens in it, one JSON object per line of its stdout. */

export interface Said {
  readonly event: string;
  readonly [field: string]: unknown;
}

export class Child {
  readonly #process: ChildProcess;
  readonly #said: Said[] = [];
  readonly #listeners = new Set<() => void>();
  /** When it was started, ms since 1970. */
  readonly startedAt = Date.now();
  #exited = false;
  readonly ended: Promise<void>;

  constructor(
    script: string,
    options: {
      readonly args: readonly string[];
      readonly nodeFlags?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      /** Reads stderr instead of stdout: the log of a control plane. */
      readonly reads?: "stdout" | "stderr";
    },
  ) {
    const reads = options.reads ?? "stdout";
    const file = new URL(script, import.meta.url).pathname;
    this.#process = spawn(process.execPath, [...(options.nodeFlags ?? []), file, ...options.args], {
      env: { ...process.env, ...options.env },
      stdio: [
        "pipe",
        reads === "stdout" ? "pipe" : "ignore",
        reads === "stderr" ? "pipe" : "inherit",
      ],
    });
    const stream = reads === "stdout" ? this.#process.stdout : this.#process.stderr;
    if (stream === null) throw new Error("a child without its stream");
    createInterface({ input: stream }).on("line", (line) => {
      if (!line.startsWith("{")) return;
      const said = JSON.parse(line) as Partial<Said> & { readonly msg?: string };
      // A line of a control plane's log calls it `msg`.
      this.#said.push({ ...said, event: said.event ?? said.msg ?? "" });
      this.#tell();
    });
    const endWithUs = (): void => void this.#process.kill("SIGKILL");
    process.once("exit", endWithUs);
    this.ended = new Promise((resolve) => {
      this.#process.once("exit", () => {
        process.off("exit", endWithUs);
        this.#exited = true;
        this.#tell();
        resolve();
      });
    });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** The first thing it says under this name, said before or still to come. Rejects when it ends without. */
  said(event: string): Promise<Said> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.#said.find((each) => each.event === event);
        if (found === undefined && !this.#exited) return;
        this.#listeners.delete(look);
        if (found === undefined) reject(new Error(`the process ended without saying ${event}`));
        else resolve(found);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Ends it as a power cut would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.ended;
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.ended;
  }
}

/** What a child calls to say something to its parent. */
export const say = (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, at: Date.now(), ...fields })}\n`);
};
