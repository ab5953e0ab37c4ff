import type { RunId } from "#contract/ids.ts";
import { createCore, listenForCancels } from "#engine/core.ts";
import type { RunState } from "#engine/run-state.ts";
import { type Advanced, advance } from "#engine/trigger/advance.ts";
import { cancelled } from "#engine/trigger/queued.ts";
import type { SlicePayload } from "#engine/trigger/platform.ts";
import { ConfigError, readConfig } from "#platform/config.ts";
import { type Log, logFrom } from "#platform/log.ts";
import { openPostgres } from "#platform/postgres.ts";
import { openBridgeTo } from "./bridge.ts";
import { coreOptionsOf } from "./create-engine.ts";
import { openFoundation } from "./foundation.ts";
import { describeLab, kubeconfigOf } from "./infrastructure.ts";
import { paceOf } from "./pace.ts";

/**
 * The door `worker`: what a process of Trigger.dev needs to carry out slices. It is opened once for all the runs that
 * the process is given, one after the other, and is closed with it.
 */
export interface Worker {
  /** Carries a slice out. See `advance`. */
  advance(
    payload: SlicePayload,
    triggerRun: {
      readonly id: string;
      readonly signal: AbortSignal;
      readonly tell: (state: RunState) => void;
    },
  ): Promise<Advanced>;
  /** What a cancel at Trigger.dev means for the run, by configuration. */
  cancelled(run: RunId): Promise<void>;
  close(): Promise<void>;
}

export async function openWorker(
  environment: Readonly<Record<string, string | undefined>>,
  /** Where the log goes, from the configured level upwards. */
  to: Log,
): Promise<Worker> {
  const config = readConfig(environment);
  const {
    MILLWRIGHT_DATABASE_URL: url,
    MILLWRIGHT_SECRET_KEY: secretKey,
    MILLWRIGHT_PUBLIC_URL: publicUrl,
  } = config;
  if (secretKey === undefined || publicUrl === undefined)
    throw new ConfigError([
      "a worker needs MILLWRIGHT_SECRET_KEY and MILLWRIGHT_PUBLIC_URL, and on another machine than the control plane's MILLWRIGHT_DATABASE_URL",
    ]);
  const log = logFrom(config.MILLWRIGHT_LOG_LEVEL, to);
  const lab = config.MILLWRIGHT_LAB_URL;
  const description = lab === undefined ? null : await describeLab(lab);
  const pace = paceOf(config, description);
  const database =
    url === undefined
      ? await openBridgeTo(config, secretKey)
      : await openPostgres(url, { maxConnections: 4 });
  const undo: (() => unknown)[] = [() => database.close()];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const foundation = await openFoundation(
      {
        config,
        log,
        database,
        secretKey,
        publicUrl: () => publicUrl,
        kubeconfig: kubeconfigOf(config, description),
      },
      undo,
    );
    const core = createCore(coreOptionsOf({ config, log, pace, foundation }), {
      expect: () => undefined,
      cancelStep: () => undefined,
    });
    const options = {
      core,
      ports: foundation.ports,
      leaseMs: config.MILLWRIGHT_LEASE_MS,
      shortWaitMs: config.MILLWRIGHT_TRIGGER_SHORT_WAIT_MS,
    };
    return {
      advance: (payload, triggerRun) =>
        advance(options, payload, {
          ...triggerRun,
          onCancelStep: (cancelStep) => listenForCancels(database, cancelStep),
        }),
      cancelled: async (run) => {
        if (config.MILLWRIGHT_TRIGGER_ON_CANCEL === "cancel") await cancelled(core, run);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
