import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A lab in a process of its own, as `npm run lab` would start it. It ends when the channel to it closes. */
export interface LabProcess {
  readonly url: string;
  stop(): Promise<void>;
}

export interface LabProcessOptions {
  readonly port: number;
  readonly servers: number;
  readonly speed: number;
  readonly dataDir: string;
  readonly namedFaults?: boolean;
}

interface Ready {
  readonly type: "ready";
  readonly url: string;
}

const isReady = (message: unknown): message is Ready =>
  typeof message === "object" &&
  message !== null &&
  "type" in message &&
  message.type === "ready" &&
  "url" in message &&
  typeof message.url === "string";

const exited = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });

/** Starts a lab and waits until it is ready. Throws with the lab's own words when it cannot start. */
export async function startLabProcess(options: LabProcessOptions): Promise<LabProcess> {
  const door = fileURLToPath(new URL("../../lab/main.ts", import.meta.url));
  const flags = [
    "--port",
    options.port,
    "--servers",
    options.servers,
    "--speed",
    options.speed,
    "--data-dir",
    options.dataDir,
  ];
  if (options.namedFaults === false) flags.push("--named-faults", "no");
  // What the lab says to people is ours to say; what it complains about is kept for the case that it cannot start.
  const child = fork(door, flags.map(String), { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let complaints = "";
  child.stderr?.on("data", (text: Buffer) => {
    complaints = `${complaints}${text.toString()}`.slice(-4_000);
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.on("message", (message) => {
      if (isReady(message)) resolve(message.url);
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(complaints.trim() || `the lab ended with code ${code}`)),
    );
  });
  return {
    url,
    async stop() {
      if (child.connected) child.disconnect();
      await exited(child);
    },
  };
}
