import { createEmbeddedEngine } from "#engine/embedded.ts";
import type { CoreOptions } from "#engine/core.ts";
import type { RunningEngine } from "#engine/running-engine.ts";
import type { Config } from "#platform/config.ts";
import type { Log } from "#platform/log.ts";
import { workflows } from "#workflows/registry.ts";
import { type Foundation, resourceBindings } from "./foundation.ts";

/** The configured engine on a foundation. */
export interface EngineOptions {
  readonly config: Config;
  readonly log: Log;
  readonly pace: number;
  readonly owner: string;
  readonly foundation: Foundation;
}

export const coreOptionsOf = ({
  config,
  log,
  pace,
  foundation,
}: Omit<EngineOptions, "owner">): CoreOptions => ({
  database: foundation.database,
  journal: foundation.journal,
  workflows,
  resources: resourceBindings,
  clock: foundation.clock,
  ids: foundation.ids,
  random: Math.random,
  log,
  region: config.MILLWRIGHT_REGION,
  pace,
});

/** Trigger.dev's page of one of its runs, when it is known where its dashboard is. */
export function engineRunUrl(config: Config, run: string): string | null {
  const dashboard = config.MILLWRIGHT_TRIGGER_DASHBOARD_URL;
  return dashboard === undefined ? null : `${dashboard.replace(/\/+$/, "")}/runs/${run}`;
}

export async function createEngine(options: EngineOptions): Promise<RunningEngine> {
  const { config, owner, foundation } = options;
  const common = {
    ...coreOptionsOf(options),
    owner,
    concurrency: config.MILLWRIGHT_CONCURRENCY,
    leaseMs: config.MILLWRIGHT_LEASE_MS,
  };
  if (config.MILLWRIGHT_ENGINE === "embedded")
    return createEmbeddedEngine({ ...common, ports: foundation.ports });
  // Trigger.dev's SDK takes a while to load, and only this engine needs it.
  const [{ createTriggerEngine }, { createSdkPlatform }] = await Promise.all([
    import("#engine/trigger/engine.ts"),
    import("#engine/trigger/sdk-platform.ts"),
  ]);
  return createTriggerEngine({
    ...common,
    platform: createSdkPlatform({
      apiUrl: config.TRIGGER_API_URL,
      secretKey: config.TRIGGER_SECRET_KEY ?? "",
      maxDurationS: config.MILLWRIGHT_TRIGGER_MAX_DURATION_S,
      now: () => foundation.clock.now(),
    }),
    queuedMs: config.MILLWRIGHT_TRIGGER_QUEUED_MS,
    onCancel: config.MILLWRIGHT_TRIGGER_ON_CANCEL,
  });
}
