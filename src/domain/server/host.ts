import type { ServerState } from "./state.ts";

/** The name of a server's BareMetalHost: the server's id in the form of RFC 1123. */
export const hostName = (id: ServerState["id"]): string => id.toLowerCase().replace("_", "-");
