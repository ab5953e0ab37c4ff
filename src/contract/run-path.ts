/** Where the API serves a run: a path without host, so that it holds behind any proxy. */
export const runPath = (run: string): string => `/v1/workflows/runs/${run}`;

/** `details` of the CONFLICT with the run that has the resource: who it is, where it is read, and how it is stopped. */
export const activeRun = (run: string) => ({
  activeRunId: run,
  links: { activeRun: runPath(run), cancel: `${runPath(run)}/cancel` },
});
