import { Failure } from "#contract/failures.ts";
import { Facts } from "./facts.ts";
import { isResource, type Reply } from "./reply.ts";
import { vendorOf } from "./vendor.ts";

/** What the service root says before anybody has logged in. */
export interface Root {
  readonly redfishVersion: string;
  /** Normalised where it is known, else as given; null when the root does not tell. */
  readonly vendor: string | null;
  readonly uuid: string | null;
  readonly systems: string | null;
  readonly managers: string | null;
  readonly chassis: string | null;
  readonly updateService: string | null;
  readonly tasks: string | null;
  /** Where sessions are opened. */
  readonly sessions: string | null;
  /** `$expand=.` with one level is offered. */
  readonly expands: boolean;
}

/** A 200 without `RedfishVersion` is a web page or a proxy, not a BMC. */
export const readRoot = (reply: Reply): Root => {
  const facts = new Facts(reply.path, isResource(reply) ? reply.body : {});
  const redfishVersion = facts.text("RedfishVersion");
  if (reply.status !== 200 || redfishVersion === null) {
    throw new Failure("BMC_INVALID_RESPONSE", "what answers there is not a Redfish service", {
      details: { status: reply.status, path: reply.path, reason: "not-redfish" },
    });
  }
  const service = facts.link("SessionService");
  const expand = facts.at("ProtocolFeaturesSupported").at("ExpandQuery");
  return {
    redfishVersion,
    vendor:
      vendorOf([
        facts.text("Vendor"),
        ...Object.keys(facts.at("Oem").raw),
        facts.text("Product"),
      ]) ?? facts.text("Vendor"),
    uuid: facts.text("UUID"),
    systems: facts.link("Systems"),
    managers: facts.link("Managers"),
    chassis: facts.link("Chassis"),
    updateService: facts.link("UpdateService"),
    tasks: facts.link("Tasks"),
    // Services older than `Links.Sessions` need a login to read SessionService, which would name the collection;
    // DSP0266 gives it this name below the service.
    sessions:
      facts.at("Links").link("Sessions") ??
      (service === null ? null : `${service.replace(/\/+$/, "")}/Sessions`),
    expands: expand.flag("NoLinks") === true && expand.flag("Levels") === true,
  };
};
