import type { Root } from "#drivers/redfish/root.ts";

/** What is remembered of a BMC between operations; all of it can be read again. */
export interface Memory {
  root: Root | null;
  rootReadAtMs: number;
  /** The path of the host's ComputerSystem, once it was chosen. */
  hostPath: string | null;
  /** The service has no sessions: Basic is used without asking again. */
  basicOnly: boolean;
  /** A session has worked: its endpoint exists. */
  hadSession: boolean;
  /** `$expand` was tried and answered badly. */
  expandFailed: boolean;
}

export const emptyMemory = (): Memory => ({
  root: null,
  rootReadAtMs: 0,
  hostPath: null,
  basicOnly: false,
  hadSession: false,
  expandFailed: false,
});
