import type { ServerFact } from "#contract/server.ts";
import { type LeftBehind, endOf, settlementOf } from "#domain/at-work.ts";
import type { RunEnd } from "#domain/resource-model.ts";
import { troubleFrom } from "./evolve.ts";
import type { AtWork, Broken, ServerState } from "./state.ts";

/** How a run leaves the server, whatever its end. A registration that was taken back leaves no server. */
export function settle(server: ServerState | null, end: RunEnd): readonly ServerFact[] {
  if (server === null) return [];
  const settlement = settlementOf(server, end, troubleFrom);
  switch (settlement.as) {
    case "nothing":
      return [ended(end, null)];
    case "taken-back":
      return end.workflow === "server.register"
        ? [{ type: "server.registration_undone", data: {} }]
        : [ended(end, null)];
    case "broken": {
      const entry = server.runs.find(({ run }) => run === end.run);
      const isHarmless = entry !== undefined && leavesServerAlone(entry);
      return [ended(end, isHarmless ? null : settlement.error)];
    }
    case "abandoned":
      return abandoned(server, settlement.left, end);
  }
}

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

const ended = (end: RunEnd, error: LeftBehind | null): ServerFact => ({
  type: "server.run_ended",
  data: endOf(end, error),
});
