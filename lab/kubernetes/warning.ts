import process from "node:process";

/** Tells of a failure that must not take the server with it. */
export function warnOf(what: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  process.emitWarning(`${what}: ${reason}`, {
    detail: error instanceof Error ? (error.stack ?? "") : "",
  });
}
