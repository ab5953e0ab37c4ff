import type { Log } from "#platform/log.ts";

/** SIGTERM and SIGINT stop once, in order, and exit 0; a second one exits at once. */
export function onSignals(log: Log, stop: () => Promise<void>): void {
  let stopping = false;
  const handle = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log("info", "stopping", { signal });
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log("error", "could not stop in order", { error });
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", handle);
  process.on("SIGINT", handle);
}
