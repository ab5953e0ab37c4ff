import type { ServerId } from "#contract/ids.ts";
import type { Log } from "#platform/log.ts";

const EVERY_MS = 60_000;

/** From time to time gives back servers of clusters that are not there any more; returns how to stop. */
export function tendStrandedServers(
  allocations: { releaseStranded(options: { readonly signal: AbortSignal }): Promise<ServerId[]> },
  log: Log,
): () => void {
  const stop = new AbortController();
  const tend = async (): Promise<void> => {
    const servers = await allocations.releaseStranded({ signal: stop.signal });
    if (servers.length > 0)
      log("warn", "servers of clusters that are gone were given back", { servers });
  };
  const timer = setInterval(() => {
    tend().catch((error: unknown) => {
      if (!stop.signal.aborted)
        log("warn", "stranded servers could not be given back; it is tried again", { error });
    });
  }, EVERY_MS).unref();
  return () => {
    clearInterval(timer);
    stop.abort();
  };
}
