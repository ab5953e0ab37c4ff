import type { ServerFact } from "#contract/server.ts";
import type { RunEnd } from "#domain/resource-model.ts";
import { brokenBy } from "./evolve.ts";
import type { AtWork, Broken, ServerState } from "./state.ts";

/**
 * How a run leaves the server, whatever its end.
 *
 *   completed, or failed with everything taken back     the facts stand, nothing else remains of the run
 *   a registration taken back                           the server is no longer there
 *   held, incomplete, or failed past the pivot          `error`, with the run that tells the story
 *   abandoned                                           an operator answers for the rest, see `abandoned`
 */
export function settle(server: ServerState | null, end: RunEnd): readonly ServerFact[] {
  if (server === null) return [];
  const entry = server.runs.find(({ run }) => run === end.run);
  // Another run has since changed what this one left behind: a late undo or abandon says nothing more about it.
  const left = brokenBy(server.rest, end.run);
  if (entry === undefined && left === null) return [ended(end, null)];
  if (end.abandoned) return left === null ? [ended(end, null)] : abandoned(server, left, end);
  if (end.status === "completed") return [ended(end, null)];
  if (end.attention === null && isTakenBack(end))
    return end.workflow === "server.register"
      ? [{ type: "server.registration_undone", data: {} }]
      : [ended(end, null)];
  if (entry !== undefined && leavesServerAlone(entry)) return [ended(end, null)];
  // A child never had a lock of its own: its parent's went with the parent.
  const keepsLock = entry === undefined ? left?.held === true : server.runs[0] === entry;
  return [ended(end, errorOf(end, keepsLock))];
}

const isTakenBack = ({ cleanup }: RunEnd): boolean => cleanup === "none" || cleanup === "complete";

/**
 * Failures that say nothing about what the server is good for. A reprovisioning is its child's doing, and the
 * child has said already how it left the server.
 */
const leavesServerAlone = ({ workflow, action }: AtWork): boolean =>
  workflow === "server.inspect" ||
  (action !== null &&
    [
      "identify-led-on",
      "identify-led-off",
      "enter-maintenance",
      "exit-maintenance",
      "reprovision",
    ].includes(action));

/**
 * The operator answers for the rest. A server that is decommissioned so is gone from use with a record that
 * says what was not done, because a dead BMC must not make it immortal. A half-written disk stays `error`: only
 * an installation or a deprovisioning makes the server usable again.
 */
function abandoned(server: ServerState, left: Broken, end: RunEnd): readonly ServerFact[] {
  switch (left.trouble) {
    case "registration":
      return [{ type: "server.registration_undone", data: {} }];
    case "decommission":
      return left.restorable ? [ended(end, null)] : [...gone(server, end), ended(end, null)];
    case "installation":
      return left.restorable ? [ended(end, null)] : [ended(end, left)];
    case "power":
      return [ended(end, null)];
  }
}

function gone(server: ServerState, end: RunEnd): readonly ServerFact[] {
  const isErased = server.erase?.state === "erased";
  const why = end.abandonReason ?? null;
  const reason = `run ${end.run} was abandoned before the disks could be proven erased${why === null ? "" : `: ${why}`}`;
  return [
    ...(server.erase === null
      ? [{ type: "server.erase_skipped", data: { reason } } satisfies ServerFact]
      : []),
    { type: "server.decommissioned", data: { erased: isErased } },
  ];
}

type EndError = Extract<ServerFact, { type: "server.run_ended" }>["data"]["error"];

function errorOf(end: RunEnd, keepsLock: boolean): EndError {
  const cause = end.error ?? end.attention;
  return {
    code: cause?.code ?? "INTERNAL_ERROR",
    message: cause?.message ?? `run ${end.run} ended without saying why`,
    restorable: end.cleanup === "held" || end.cleanup === "incomplete",
    ...(end.cleanup === "held" && keepsLock && { held: true as const }),
  };
}

const ended = (end: RunEnd, error: EndError): ServerFact => ({
  type: "server.run_ended",
  data: {
    run: end.run,
    status: end.status,
    error:
      error === null
        ? null
        : {
            code: error.code,
            message: error.message,
            restorable: error.restorable,
            ...(error.held === true && { held: true as const }),
          },
  },
});
