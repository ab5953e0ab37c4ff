import { randomBytes } from "node:crypto";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openPostgres } from "#platform/postgres.ts";

/**
 * What the demo needs to play on Trigger.dev: a database of its own on a PostgreSQL server, because workers are other
 * processes, and the stand-in in a process of its own, which starts the workers.
 */
export interface TriggerSite {
  /** What control plane and workers are configured with. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const SERVER = "MILLWRIGHT_DATABASE_URL";

export async function openTriggerSite(
  shared: Readonly<Record<string, string>>,
): Promise<TriggerSite> {
  const server = process.env[SERVER];
  if (server === undefined || server === "") {
    throw new Error(
      `demo --engine trigger needs a PostgreSQL server that its workers can share: set ${SERVER}=postgres://user@host:5432/name (the demo makes a database of its own there, and removes it)`,
    );
  }
  const name = `millwright_demo_${randomBytes(6).toString("hex")}`;
  const administer = async (sql: string): Promise<void> => {
    const database = await openPostgres(server, { maxConnections: 1 });
    try {
      await database.script(sql);
    } finally {
      await database.close();
    }
  };
  await administer(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const env: Record<string, string> = {
    ...shared,
    [SERVER]: url.href,
    MILLWRIGHT_SECRET_KEY: randomBytes(32).toString("base64"),
  };
  const drop = (): Promise<void> => administer(`drop database if exists ${name} with (force)`);
  try {
    const standIn = await startStandIn(env);
    return {
      env: { ...env, MILLWRIGHT_ENGINE: "trigger", ...standIn.env },
      async close() {
        await standIn.stop();
        await drop();
      },
    };
  } catch (error) {
    await drop();
    throw error;
  }
}

/** The stand-in as `node lab/trigger/main.ts` starts it. It ends when the channel to it closes. */
async function startStandIn(env: Readonly<Record<string, string>>): Promise<{
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}> {
  const door = fileURLToPath(new URL("../../../lab/trigger/main.ts", import.meta.url));
  const tasks = fileURLToPath(new URL("../../tasks.ts", import.meta.url));
  const child = fork(door, ["--port", "0", "--tasks", tasks, "--concurrency", "4"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const said = await new Promise<RegExpExecArray>((resolve, reject) => {
    let text = "";
    let complaints = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaints = `${complaints}${chunk.toString()}`.slice(-4_000);
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      text = `${text}${chunk.toString()}`;
      const match = /ready at (\S+) \(TRIGGER_SECRET_KEY=(\S+)\)/.exec(text);
      if (match !== null) resolve(match);
    });
    void ended.then(() => reject(new Error(`the stand-in could not start: ${complaints}`)));
  });
  const [, url = "", key = ""] = said;
  return {
    env: { TRIGGER_API_URL: url, TRIGGER_SECRET_KEY: key },
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
