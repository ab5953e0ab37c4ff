import type { ServerId } from "./ids.ts";

/** The name of a server's BareMetalHost: the server's id in the form of RFC 1123. */
export const hostName = (id: ServerId): string => id.toLowerCase().replace("_", "-");
