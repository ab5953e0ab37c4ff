import type { ServerFact } from "#contract/server.ts";
import type { ResourceModel } from "#domain/resource-model.ts";
import { admit } from "./decide.ts";
import { evolve } from "./evolve.ts";
import { settle } from "./settle.ts";
import type { ServerState } from "./state.ts";

/** The server as the engine knows it. */
export const serverModel: ResourceModel<ServerState, ServerFact> = {
  type: "server",
  evolve,
  admit,
  settle,
  isRetired: ({ rest }) => rest.state === "decommissioned",
};
