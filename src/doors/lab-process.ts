import { z } from "zod";
import { startOwnProcess } from "./own-process.ts";

/** A lab in a process of its own, as `npm run lab` would start it. */
export interface LabProcess {
  readonly url: string;
  /** How it ended, in words. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface LabProcessOptions {
  readonly port: number;
  readonly servers: number;
  readonly speed: number;
  readonly dataDir: string;
}

const Ready = z.object({ type: z.literal("ready"), url: z.string() });

/** Starts a lab and waits until it is ready. Throws with the lab's own words when it cannot start. */
export async function startLabProcess(options: LabProcessOptions): Promise<LabProcess> {
  const { ready, ended, stop } = await startOwnProcess({
    door: "lab/main.ts",
    flags: {
      port: options.port,
      servers: options.servers,
      speed: options.speed,
      "data-dir": options.dataDir,
    },
    ready: Ready,
  });
  return { url: ready.url, ended, stop };
}
