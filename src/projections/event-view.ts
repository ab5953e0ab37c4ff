import type { LoggedEvent } from "#contract/logged-event.ts";
import type { RecordedEvent } from "#journal/journal.ts";

export const eventView = (event: RecordedEvent): LoggedEvent => ({
  stream: event.stream,
  version: event.version,
  position: event.position,
  type: event.type,
  data: event.data,
  schema: event.meta.schema,
  actor: event.meta.actor,
  requestId: event.meta.requestId ?? null,
  causation: event.meta.causation ?? null,
  occurredAt: new Date(event.at).toISOString(),
  digest: event.digest,
});
