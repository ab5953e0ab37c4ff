import { z } from "zod";
import type { ResourceType, RunStatus, WorkflowType } from "#contract/run.ts";

/** Which runs a list asks for. Absent fields ask for everything. */
export interface RunFilter {
  readonly types?: readonly WorkflowType[];
  readonly status?: RunStatus;
  readonly resourceType?: ResourceType;
  readonly resourceId?: string;
  readonly triggeredBy?: string;
  readonly project?: string;
  readonly attention?: boolean;
  readonly retryOf?: string;
  /** Inclusive, ms since 1970, on the start, for pending runs on the creation. */
  readonly since?: number;
  /** Exclusive. */
  readonly until?: number;
}

export const runSorts = ["-createdAt", "createdAt", "-startedAt", "startedAt"] as const;
export type RunSort = (typeof runSorts)[number];

/** The last row of a page: where the next one begins. `at` is what the sort goes by, ms since 1970. */
export const RunKey = z.strictObject({
  at: z.number().int().min(0).max(253_402_300_799_999),
  id: z.string().regex(/^run_[0-9A-Z]{26}$/),
});
export type RunKey = z.infer<typeof RunKey>;

/** A page begins after a key (as deep as one likes) or after a number of rows (for people, near the top). */
export type PageStart<Key> =
  | { readonly by: "key"; readonly after: Key }
  | { readonly by: "number"; readonly skip: number };

export interface ListQuery<Filter, Key, Sort = undefined> {
  readonly filter: Filter;
  readonly sort: Sort;
  readonly limit: number;
  readonly start: PageStart<Key>;
}

export interface Total {
  readonly count: number;
  readonly isEstimate: boolean;
}

export interface ListPage<Item, Key> {
  readonly items: readonly Item[];
  readonly total: Total;
  /** The key of the last item when there are more, else null. */
  readonly next: Key | null;
}
