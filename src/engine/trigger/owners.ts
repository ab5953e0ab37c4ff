/**
 * Whose a lease is, told by its owner's name: a process of the control plane that is handing over
 * (`<directory>/<slot>`), a Trigger run that waits for a worker, or the worker that executes it.
 */

const HANDED = "trigger/";
const WORKER = "worker/";

export const ownerOfHanded = (triggerRun: string): string => `${HANDED}${triggerRun}`;
export const ownerOfWorker = (triggerRun: string): string => `${WORKER}${triggerRun}`;
export const isWorker = (owner: string): boolean => owner.startsWith(WORKER);

/** The Trigger run that a lease waits for; null when it does not. */
export const handedTo = (owner: string): string | null =>
  owner.startsWith(HANDED) ? owner.slice(HANDED.length) : null;

/** As patterns of SQL's `like`. */
export const handedPattern = `${HANDED}%`;
export const workerPattern = `${WORKER}%`;
