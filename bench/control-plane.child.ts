/**
 * The control plane as `npm run serve` starts it, in a process that says when each part of starting was done, and what it
 * has needed when it is asked to stop. The configuration comes from the environment. Modules are loaded only after the
 * first line of code has been timed.
 */
import { enableCompileCache, flushCompileCache } from "node:module";

const runningAt = Date.now();
// As src/main.ts does.
enableCompileCache();
const { say } = await import("./child.ts");
say("running", { at: runningAt });
const { readConfig } = await import("#platform/config.ts");
const { createLog } = await import("#platform/log.ts");
const { openStorage } = await import("#doors/open-database.ts");
const config = readConfig(process.env);
const log = createLog(config.MILLWRIGHT_LOG_LEVEL);
const storage = openStorage(config);
storage.then(
  () => say("opened"),
  () => undefined,
);
const { startControlPlane } = await import("#doors/control-plane.ts");
const { kubeconfigOf } = await import("#doors/infrastructure.ts");
const { onSignals } = await import("#doors/signals.ts");
const { watchMemory } = await import("./memory.ts");
say("loaded");
const memory = watchMemory();
const plane = await startControlPlane({
  config,
  log,
  pace: config.MILLWRIGHT_PACE ?? 1,
  kubeconfig: kubeconfigOf(config, null),
  storage,
});
onSignals(log, async () => {
  const { database } = await storage;
  const [row] = await database.query<{ n: number }>(
    "select xact_commit::int as n from pg_stat_database where datname = current_database()",
  );
  say("stopping", { ...memory(), transactions: row?.n ?? 0 });
  await plane.stop();
});
say("ready", { url: plane.url });
flushCompileCache();
