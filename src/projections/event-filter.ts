import type { RecordedEvent } from "#journal/journal.ts";

/** Which events a reader of the platform's log asks for. Absent fields ask for everything. */
export interface LogFilter {
  /** Types, or prefixes ending in `.*`; any of them. */
  readonly types?: readonly string[];
  /** The run or resource whose stream it is. */
  readonly resource?: string;
  readonly actor?: string;
}

const matchesType = (type: string, wanted: string): boolean =>
  wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;

export const matches = (event: RecordedEvent, { types, resource, actor }: LogFilter): boolean =>
  (types === undefined || types.some((wanted) => matchesType(event.type, wanted))) &&
  (resource === undefined || event.stream === resource) &&
  (actor === undefined || event.meta.actor === actor);
