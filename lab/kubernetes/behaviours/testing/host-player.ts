import type { NewObject, Behaviour } from "#lab/kubernetes/behaviours/behaviour.ts";
import { keyOf } from "#lab/kubernetes/behaviours/cluster-api/kinds.ts";
import { left } from "#lab/kubernetes/behaviours/cluster-api/waiting.ts";

interface HostSpec {
  readonly online: boolean;
  readonly image?: { readonly url: string };
}

interface HostStatus {
  readonly provisioning: { readonly state: string; readonly image: { readonly url: string } };
}

const writeMs = 3 * 60_000;
const wipeMs = 60_000;

/** The least of a Bare Metal Operator that CAPM3 needs: it writes the image that a host is given, and wipes what is taken away. */
export const hostPlayer: Behaviour = {
  manager: "host-player",
  watches: [{ kind: "BareMetalHost.metal3.io" }],
  reconciles: ["BareMetalHost.metal3.io"],
  reconcile(host, cluster) {
    const { image, online } = host["spec"] as HostSpec;
    const { provisioning } = host["status"] as HostStatus;
    const has = provisioning.image.url;
    const say = (state: string, url: string): void => {
      cluster.updateStatus(keyOf(host), statusOf(state, url));
    };
    if (has !== "" && image?.url !== has) {
      say("deprovisioning", has);
      const rest = left("wipe", wipeMs, host, cluster);
      if (rest === 0) say("available", "");
      return rest === 0 ? null : rest;
    }
    if (has === "" && image !== undefined && online) {
      say("provisioning", "");
      const rest = left("write", writeMs, host, cluster);
      if (rest === 0) say("provisioned", image.url);
      return rest === 0 ? null : rest;
    }
    if (has === "" && image === undefined) say("available", "");
    return null;
  },
};

export function newHost(
  name: string,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): NewObject {
  return {
    apiVersion: "metal3.io/v1alpha1",
    kind: "BareMetalHost",
    metadata: { name, namespace, labels },
    spec: { online: false },
  };
}

/** What the status of a BareMetalHost must have. */
export function statusOf(state: string, url: string): object {
  return {
    operationalStatus: "OK",
    errorMessage: "",
    errorCount: 0,
    poweredOn: state === "provisioned",
    hardwareProfile: "unknown",
    triedCredentials: {},
    goodCredentials: {},
    provisioning: { state, ID: "", image: { url } },
  };
}
