import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { Platform } from "./platform.ts";
import { TriggerServer } from "./server.ts";

/**
 * The door of the stand-in for Trigger.dev: an API on loopback and worker processes that execute the tasks of a file.
 * Workers get this process's environment, with the address and key of the stand-in in it.
 *
 *   node lab/trigger/main.ts [--port 3030] [--tasks src/tasks.ts] [--concurrency 10] [--stall-ms 300000]
 */
function optionsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at];
    const value = words[at + 1];
    if (name === undefined || !name.startsWith("--") || value === undefined)
      throw new Error(`${name ?? ""} is not an option with a value`);
    given.set(name.slice(2), value);
  }
  return given;
}

const given = optionsOf(process.argv.slice(2));
const numberOf = (name: string, otherwise: number): number => Number(given.get(name) ?? otherwise);

const secretKey = process.env["TRIGGER_SECRET_KEY"] ?? `tr_dev_${randomBytes(12).toString("hex")}`;
const env: Record<string, string | undefined> = { ...process.env, TRIGGER_SECRET_KEY: secretKey };
const now = (): number => Date.now();
let runs = 0;
const platform = new Platform({
  tasksFile: resolve(given.get("tasks") ?? "src/tasks.ts"),
  env,
  concurrency: numberOf("concurrency", 10),
  runsPerProcess: numberOf("runs-per-process", 50),
  stallMs: numberOf("stall-ms", 300_000),
  now,
  newId: () => {
    runs += 1;
    return `run_${(now() * 1_000 + (runs % 1_000)).toString(36).padStart(25, "0")}`;
  },
});
const server = new TriggerServer({ platform, secretKey, now });
const url = await server.listen("127.0.0.1", numberOf("port", 3030));
env["TRIGGER_API_URL"] = url;
process.stdout.write(
  `a stand-in for Trigger.dev is ready at ${url} (TRIGGER_SECRET_KEY=${secretKey})\n`,
);

const stop = async (): Promise<void> => {
  await platform.close();
  await server.close();
  process.exit(0);
};
process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());
// Whoever started it with a channel and is gone has no use for it.
process.once("disconnect", () => void stop());
