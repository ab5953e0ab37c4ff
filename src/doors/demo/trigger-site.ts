import { z } from "zod";
import { startOwnProcess } from "#doors/own-process.ts";
import { generateSecretKey } from "#platform/cipher.ts";
import { freePort } from "./free-port.ts";

/**
 * What the demo needs to play on Trigger.dev: the stand-in in a process of its own, whose workers reach the control
 * plane's embedded database by a bridge.
 */
export interface TriggerSite {
  /** What the control plane is configured with. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const Ready = z.object({ type: z.literal("ready"), url: z.string(), secretKey: z.string() });

export async function openTriggerSite(
  shared: Readonly<Record<string, string>>,
): Promise<TriggerSite> {
  const env = {
    ...shared,
    MILLWRIGHT_SECRET_KEY: generateSecretKey(),
    MILLWRIGHT_BRIDGE_PORT: String(await freePort()),
  };
  const { ready, stop } = await startOwnProcess({
    door: "lab/trigger/main.ts",
    flags: { port: 0, concurrency: 6 },
    env: { ...withoutSettings(), ...env },
    ready: Ready,
  });
  return {
    env: {
      ...env,
      MILLWRIGHT_ENGINE: "trigger",
      TRIGGER_API_URL: ready.url,
      TRIGGER_SECRET_KEY: ready.secretKey,
    },
    close: stop,
  };
}

/** This process's environment without what another Millwright may be configured with in it. */
const withoutSettings = (): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(MILLWRIGHT|TRIGGER)_/.test(name)),
  );
