import type { WorkflowType } from "#contract/run.ts";
import { clusterEdits } from "./cluster/retry-edits.ts";
import type { RequestEdit } from "./request-edit.ts";
import { serverEdits } from "./server/retry-edits.ts";
import { vmEdits } from "./vm/retry-edits.ts";

/** What a retry may change, by type of run; a run of any other type is retried as it is. */
export const requestEdits: Readonly<Partial<Record<WorkflowType, RequestEdit>>> = {
  ...serverEdits,
  ...clusterEdits,
  ...vmEdits,
};
