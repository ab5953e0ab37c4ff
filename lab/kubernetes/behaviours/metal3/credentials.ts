import { Buffer } from "node:buffer";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { hostFinalizer, specOf } from "./host.ts";

const secretFinalizer = `${hostFinalizer}/secret`;
const label = "environment.metal3.io";

export type BmcCredentials =
  | {
      readonly kind: "found";
      readonly name: string;
      /** resourceVersion of the Secret: other credentials have another one. */
      readonly version: string;
      readonly username: string;
      readonly password: string;
    }
  /** `isMissing`: the Secret is not there, and is looked for again every ten seconds; otherwise its next change counts. */
  | { readonly kind: "unusable"; readonly message: string; readonly isMissing: boolean };

/**
 * Reads the Secret of a host. One that is there is claimed first, as the operator does: a label by which it sees changes of
 * it, an owner reference by which it goes with the host, and a finalizer by which it stays until then.
 */
export function readCredentials(host: KubeObject, cluster: ClusterClient): BmcCredentials {
  const key = secretKey(host);
  if (key === null) return unusable("The BMC secret reference is empty");
  const found = cluster.get(key);
  const secret =
    found === undefined || isClaimed(found, host)
      ? found
      : cluster.update(key, (newest) => claimed(newest, host));
  if (secret === undefined) {
    const message = `The BMC secret ${key.namespace}/${key.name} does not exist`;
    return { kind: "unusable", message, isMissing: true };
  }
  const username = decoded(secret, "username");
  const password = decoded(secret, "password");
  if (username === "") {
    return unusable(
      "Validation error with BMC credentials: Missing BMC connection detail 'username' in credentials",
    );
  }
  if (password === "") {
    return unusable(
      "Validation error with BMC credentials: Missing BMC connection details 'password' in credentials",
    );
  }
  const { resourceVersion: version } = secret.metadata;
  return { kind: "found", name: key.name, version, username, password };
}

function unusable(message: string): BmcCredentials {
  return { kind: "unusable", message, isMissing: false };
}

/** Lets the Secret go with its host. */
export function releaseCredentials(host: KubeObject, cluster: ClusterClient): void {
  const key = secretKey(host);
  if (key === null) return;
  cluster.update(key, (secret) => {
    const finalizers = (secret.metadata.finalizers ?? []).filter(
      (name) => name !== secretFinalizer,
    );
    return { ...secret, metadata: { ...secret.metadata, finalizers } };
  });
}

function secretKey(host: KubeObject): ObjectKey | null {
  const name = specOf(host).bmc?.credentialsName ?? "";
  return name === "" ? null : { kind: "Secret", namespace: host.metadata.namespace ?? "", name };
}

function isClaimed({ metadata }: KubeObject, host: KubeObject): boolean {
  return (
    metadata.labels?.[label] === "baremetal" &&
    metadata.ownerReferences?.some(({ uid }) => uid === host.metadata.uid) === true &&
    metadata.finalizers?.includes(secretFinalizer) === true
  );
}

function claimed(secret: KubeObject, host: KubeObject): KubeObject {
  const { metadata } = secret;
  const { apiVersion, kind } = host;
  const { name, uid, deletionTimestamp } = host.metadata;
  const owners = metadata.ownerReferences ?? [];
  const finalizers = metadata.finalizers ?? [];
  // A host that goes must not hold the Secret anew, and a Secret that goes takes no finalizer.
  const isHeld =
    finalizers.includes(secretFinalizer) ||
    deletionTimestamp !== undefined ||
    metadata.deletionTimestamp !== undefined;
  return {
    ...secret,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, [label]: "baremetal" },
      ownerReferences: owners.some((owner) => owner.uid === uid)
        ? owners
        : [...owners, { apiVersion, kind, name, uid }],
      ...(isHeld ? {} : { finalizers: [...finalizers, secretFinalizer] }),
    },
  };
}

/** Surrounding white space is cut: many encode values with a newline at their end. */
function decoded(secret: KubeObject, name: string): string {
  const data = secret["data"] as Readonly<Record<string, string>> | undefined;
  return Buffer.from(data?.[name] ?? "", "base64")
    .toString("utf8")
    .trim();
}
