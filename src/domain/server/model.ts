import type { ServerFact } from "#contract/server.ts";
import { isSound as isRestSound } from "#domain/at-work.ts";
import type { ResourceModel } from "#domain/resource-model.ts";
import { admit } from "./decide.ts";
import { evolve } from "./evolve.ts";
import { settle } from "./settle.ts";
import type { ServerState } from "./state.ts";

/** Maintenance only covers what was there before it. */
const isSound = ({ rest }: Pick<ServerState, "rest">): boolean =>
  rest.state === "maintenance" ? isSound({ rest: rest.before }) : isRestSound({ rest });

/** The server as the engine knows it. */
export const serverModel: ResourceModel<ServerState, ServerFact> = {
  type: "server",
  evolve,
  admit,
  settle,
  isSound,
  isRetired: ({ rest }) => rest.state === "decommissioned",
};
