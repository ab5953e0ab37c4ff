import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { z } from "zod";

/** A program of this repository in a process of its own. It ends when the channel to it closes. */
export interface OwnProcess<Ready> {
  /** What it said when it was ready. */
  readonly ready: Ready;
  /** How it ended, in words: by itself, or because it was stopped. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface OwnProcessOptions<Ready> {
  /** From the repository's root. */
  readonly door: string;
  readonly flags: Readonly<Record<string, string | number>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The message that it sends over the channel once it is ready. */
  readonly ready: z.ZodType<Ready>;
}

/** Starts it and waits until it is ready. Throws with its own words when it cannot start. */
export async function startOwnProcess<Ready>({
  door,
  flags,
  env = process.env,
  ready,
}: OwnProcessOptions<Ready>): Promise<OwnProcess<Ready>> {
  const program = fileURLToPath(new URL(`../../${door}`, import.meta.url));
  const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // What it says to people is ours to say; what it complains about is kept for the case that it cannot start.
  const child = fork(program, words, { env, stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let complaints = "";
  child.stderr?.on("data", (text: Buffer) => {
    complaints = `${complaints}${text.toString()}`.slice(-4_000);
  });
  const ended = new Promise<string>((resolve) =>
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `with code ${String(code)}` : `by ${signal}`),
    ),
  );
  const told = await new Promise<Ready>((resolve, reject) => {
    child.on("message", (message) => {
      const said = ready.safeParse(message);
      if (said.success) resolve(said.data);
    });
    child.once("error", reject);
    void ended.then((how) => reject(new Error(complaints.trim() || `${door} ended ${how}`)));
  });
  return {
    ready: told,
    ended,
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
