import { pino } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One JSON object per line on stderr; stdout is for people. Fields never hold secrets. */
export type Log = (
  level: LogLevel,
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

export function createLog(level: LogLevel | "silent"): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  return (at, event, fields = {}) => {
    const { error, ...rest } = fields;
    logger[at](
      {
        ...rest,
        ...(error !== undefined && { err: error instanceof Error ? error : String(error) }),
      },
      event,
    );
  };
}
