import { z } from "zod";

/** What workers log, as the dashboard would show it: read off OTLP's JSON (opentelemetry-proto, `ExportLogsServiceRequest`). */

const Value = z.object({ stringValue: z.string().optional() }).loose();
const LogRecord = z.object({
  body: Value.optional(),
  attributes: z.array(z.object({ key: z.string(), value: Value })).default([]),
});
const Export = z.object({
  resourceLogs: z.array(
    z.object({ scopeLogs: z.array(z.object({ logRecords: z.array(LogRecord) })) }),
  ),
});

export interface Told {
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The records of one export; nothing when it is not one. */
export function toldIn(body: unknown): Told[] {
  const parsed = Export.safeParse(body);
  if (!parsed.success) return [];
  return parsed.data.resourceLogs
    .flatMap(({ scopeLogs }) => scopeLogs)
    .flatMap(({ logRecords }) => logRecords)
    .map(({ body: text, attributes }) => ({
      message: text?.stringValue ?? "",
      attributes: Object.fromEntries(
        attributes.flatMap(({ key, value }) =>
          value.stringValue === undefined ? [] : [[key, value.stringValue]],
        ),
      ),
    }));
}
