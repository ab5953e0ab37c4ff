import type { Log } from "#platform/log.ts";

/**
 * SIGTERM and SIGINT stop once, in order, and exit 0; a second one exits at once. Returns how to stop as orderly when there is
 * nothing left to work for: the reason is told to the terminal, and the exit code is 1. Nothing when it is stopping already.
 */
export function onSignals(log: Log, stop: () => Promise<void>): (reason: string) => void {
  let stopping = false;
  const end = (code: number): void => {
    stopping = true;
    stop().then(
      () => process.exit(code),
      (error: unknown) => {
        log("error", "could not stop in order", { error });
        process.exit(1);
      },
    );
  };
  const handle = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    log("info", "stopping", { signal });
    end(0);
  };
  process.on("SIGTERM", handle);
  process.on("SIGINT", handle);
  return (reason) => {
    if (stopping) return;
    process.stderr.write(`millwright: ${reason}\n`);
    end(1);
  };
}
