import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Platform } from "./platform.ts";
import { TriggerServer } from "./server.ts";

/**
 * The door of the stand-in for Trigger.dev: an API on loopback and worker processes that execute the tasks of a file.
 * Workers get this process's environment, with the address and key of the stand-in in it.
 *
 *   npm run lab:trigger -- [--port 3030] [--tasks src/tasks.ts] [--concurrency 10] [--stall-ms 300000]
 */
const defaults = {
  port: "3030",
  tasks: fileURLToPath(new URL("../../src/tasks.ts", import.meta.url)),
  concurrency: "10",
  "runs-per-process": "50",
  "stall-ms": "300000",
};
type Name = keyof typeof defaults;

/** Throws in words: what is not an option, or lacks its value. */
function optionsOf(words: readonly string[]): Record<Name, string> {
  const given = { ...defaults };
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at]?.replace(/^--/, "") ?? "";
    const value = words[at + 1];
    if (!(name in defaults) || value === undefined)
      throw new Error(
        `${words[at]} is not an option with a value; there are ${Object.keys(defaults)
          .map((known) => `--${known}`)
          .join(", ")}`,
      );
    given[name as Name] = value;
  }
  return given;
}

function numberOf(given: Record<Name, string>, name: Name): number {
  const number = Number(given[name]);
  if (!Number.isInteger(number) || number < 0)
    throw new Error(`--${name} must be a whole number, not ${given[name]}`);
  return number;
}

const refuse = (error: unknown): never => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
};

function readOptions() {
  try {
    const given = optionsOf(process.argv.slice(2));
    return {
      tasks: given.tasks,
      port: numberOf(given, "port"),
      concurrency: numberOf(given, "concurrency"),
      runsPerProcess: numberOf(given, "runs-per-process"),
      stallMs: numberOf(given, "stall-ms"),
    };
  } catch (error) {
    return refuse(error);
  }
}

const options = readOptions();
const secretKey = process.env["TRIGGER_SECRET_KEY"] ?? `tr_dev_${randomBytes(12).toString("hex")}`;
const env: Record<string, string | undefined> = { ...process.env, TRIGGER_SECRET_KEY: secretKey };
const now = (): number => Date.now();
let runs = 0;
const platform = new Platform({
  tasksFile: resolve(options.tasks),
  env,
  concurrency: options.concurrency,
  runsPerProcess: options.runsPerProcess,
  stallMs: options.stallMs,
  now,
  newId: () => {
    runs += 1;
    return `run_${(now() * 1_000 + (runs % 1_000)).toString(36).padStart(25, "0")}`;
  },
});
const server = new TriggerServer({ platform, secretKey, now });
const url = await server.listen("127.0.0.1", options.port).catch(refuse);
env["TRIGGER_API_URL"] = url;
process.stdout.write(
  `a stand-in for Trigger.dev is ready at ${url} (TRIGGER_SECRET_KEY=${secretKey})\n`,
);
process.send?.({ type: "ready", url, secretKey });

const stop = async (): Promise<void> => {
  await platform.close();
  await server.close();
  process.exit(0);
};
process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());
// Whoever started it with a channel and is gone has no use for it.
process.once("disconnect", () => void stop());
