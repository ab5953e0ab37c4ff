import { createHash } from "node:crypto";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { apiVersionOf, namespaceOf, ownedBy } from "./kinds.ts";
import type { ClusterSpec } from "./model.ts";
import { labels, specOf } from "./relations.ts";

export function kubeconfigNameOf(clusterName: string): string {
  return `${clusterName}-kubeconfig`;
}

/**
 * Makes the Secret with which a client reaches the new cluster, and makes it again when somebody deletes it. The lab's clusters
 * have no API server, so the file is well-formed and leads to an address where nothing listens.
 */
export function keepKubeconfig(plane: KubeObject, owner: KubeObject, cluster: ClusterClient): void {
  const { controlPlaneEndpoint } = specOf<ClusterSpec>(owner);
  if (controlPlaneEndpoint === undefined) return;
  const { name } = owner.metadata;
  const server = `https://${controlPlaneEndpoint.host}:${controlPlaneEndpoint.port}`;
  cluster.create({
    apiVersion: apiVersionOf("Secret"),
    kind: "Secret",
    metadata: {
      name: kubeconfigNameOf(name),
      namespace: namespaceOf(owner),
      labels: { [labels.clusterName]: name },
      ownerReferences: [ownedBy(plane)],
    },
    type: "cluster.x-k8s.io/secret",
    data: { value: Buffer.from(kubeconfig(name, server, owner.metadata.uid)).toString("base64") },
  });
}

function kubeconfig(name: string, server: string, uid: string): string {
  const user = `${name}-admin`;
  const token = createHash("sha256").update(`admin of ${uid}`).digest("hex");
  return [
    "apiVersion: v1",
    "kind: Config",
    "clusters:",
    `- name: ${name}`,
    "  cluster:",
    `    server: ${server}`,
    "    insecure-skip-tls-verify: true",
    "contexts:",
    `- name: ${user}@${name}`,
    "  context:",
    `    cluster: ${name}`,
    `    user: ${user}`,
    `current-context: ${user}@${name}`,
    "preferences: {}",
    "users:",
    `- name: ${user}`,
    "  user:",
    `    token: ${token}`,
    "",
  ].join("\n");
}
