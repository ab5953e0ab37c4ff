import type { Profile } from "#lab/profiles/profile.ts";
import type { Body } from "./answer.ts";

/** Gives a body the vendor's manners: its context, its ETag, its slashes. */
export function dress(profile: Profile, body: Body, etag: string | undefined): Body {
  let dressed = body;
  const type = body["@odata.type"];
  if (profile.wire.hasContext && typeof type === "string") {
    const name = type.slice(1).split(".");
    const context = `/redfish/v1/$metadata#${name[0]}.${name.at(-1)}`;
    dressed = { "@odata.context": context, ...dressed };
  }
  if (etag !== undefined && profile.wire.etag.inBody && typeof type === "string") {
    dressed = { ...dressed, "@odata.etag": etag };
  }
  return profile.wire.endsWithSlash ? (withSlashes(dressed) as Body) : dressed;
}

const uriProperties = new Set(["@odata.id", "target", "TaskMonitor", "@Redfish.ActionInfo"]);

/** On this BMC every URI ends with a slash, links, action targets and monitors alike. */
function withSlashes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSlashes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isUri = uriProperties.has(name) && typeof inner === "string";
      return [name, isUri ? slashed(inner) : withSlashes(inner)];
    }),
  );
}

export function slashed(uri: string): string {
  return uri.endsWith("/") || uri.includes("#") || uri.includes("?") ? uri : `${uri}/`;
}
