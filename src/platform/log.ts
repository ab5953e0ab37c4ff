import { pino } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One JSON object per line on stderr; stdout is for people. Fields never hold secrets. */
export type Log = (
  level: LogLevel,
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

const severities = ["debug", "info", "warn", "error", "silent"] as const;

/** `log` from a level upwards. */
export const logFrom =
  (least: LogLevel | "silent", log: Log): Log =>
  (level, event, fields) => {
    if (severities.indexOf(level) >= severities.indexOf(least)) log(level, event, fields);
  };

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
