import { Failure } from "#contract/failures.ts";
import { hostName } from "#contract/host-name.ts";
import type { ServerId } from "#contract/ids.ts";
import { type ClusterRef, type HostPoolPort, hostLabelsOf } from "#drivers/cluster-ports.ts";
import type { Clients } from "#drivers/kubernetes/clients.ts";
import { type JsonPatch, pointerSegment } from "#drivers/kubernetes/object.ts";
import { edit, type Ours } from "#drivers/kubernetes/ours.ts";
import { unannotate } from "./annotations.ts";
import { holdAnnotation } from "./host-state.ts";
import { type BareMetalHost, bareMetalHosts } from "./kinds.ts";

/** Which hosts a cluster's machines may take, told by labels on the hosts. See `HostPoolPort`. */
export function createHostPool(clients: Clients): HostPoolPort {
  const at = ({ place }: ClusterRef, server: ServerId): Ours => ({
    id: server,
    namespace: place.namespace,
    name: hostName(server),
  });

  return {
    async assign(cluster, servers, options) {
      for (const { server, group } of servers) {
        const labels = hostLabelsOf(cluster.id, group);
        const host = at(cluster, server);
        await edit(
          clients.at(cluster.place),
          bareMetalHosts,
          host,
          ({ metadata, spec }) => {
            const owner = metadata.labels[clusterLabel(cluster)];
            // It was free by our records: a machine of nobody's pool took it, which no label keeps away.
            if (owner !== cluster.id && spec.consumerRef !== undefined)
              throw taken(host, { server, consumer: consumerOf(spec.consumerRef) });
            if (owner !== undefined && owner !== cluster.id)
              throw new Failure(
                "CONFLICT",
                `the BareMetalHost ${host.namespace}/${host.name} is marked for ${owner}`,
                { details: { reason: "marked", owner, server } },
              );
            const missing = Object.entries(labels).filter(
              ([name, value]) => metadata.labels[name] !== value,
            );
            return missing.length === 0
              ? null
              : missing.map(([name, value]): JsonPatch => ({
                  op: "add",
                  path: labelPath(name),
                  value,
                }));
          },
          options,
        ).catch((thrown: unknown) => {
          throw isNotThere(thrown) ? withoutHost(cluster, server) : thrown;
        });
      }
    },

    async unassign(cluster, servers, options) {
      const label = clusterLabel(cluster);
      for (const server of servers) {
        const host = at(cluster, server);
        await edit(
          clients.at(cluster.place),
          bareMetalHosts,
          host,
          ({ metadata, spec }) => {
            if (metadata.labels[label] !== cluster.id) return null;
            // A machine may have taken it since it was seen idle.
            if (spec.consumerRef !== undefined && !isStrangers(cluster, { metadata, spec }))
              throw inUse(host, spec.consumerRef.name);
            return [
              { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
              ...Object.keys(hostLabelsOf(cluster.id, ""))
                .filter((name) => metadata.labels[name] !== undefined)
                .map((name): JsonPatch => ({ op: "remove", path: labelPath(name) })),
              // It would hold off whatever machine takes the host next.
              ...unannotate(metadata, holdAnnotation),
            ];
          },
          options,
        ).catch((thrown: unknown) => {
          if (!isNotThere(thrown)) throw thrown;
        });
      }
    },

    async idle(cluster, servers, options) {
      const marked = await clients.at(cluster.place).list(
        bareMetalHosts,
        {
          namespace: cluster.place.namespace,
          labels: { [clusterLabel(cluster)]: cluster.id },
        },
        options,
      );
      const busy = new Set(
        marked
          .filter(
            (host) =>
              !isStrangers(cluster, host) &&
              (host.spec.consumerRef !== undefined ||
                host.status?.provisioning?.state !== "available"),
          )
          .map(({ metadata }) => metadata.name),
      );
      return servers.filter((server) => !busy.has(hostName(server)));
    },
  };
}

/** Cluster API's provider puts it on a host with its own consumer; it goes while the host is cleaned, before the consumer does. */
const clusterNameLabel = "cluster.x-k8s.io/cluster-name";

/** Whether a machine that is none of this cluster's has the host: this cluster's end does not wait for it. */
function isStrangers(
  { name }: ClusterRef,
  { metadata, spec }: Pick<BareMetalHost, "metadata" | "spec">,
): boolean {
  if (spec.consumerRef === undefined) return false;
  const user = metadata.labels[clusterNameLabel];
  return spec.consumerRef.kind !== "Metal3Machine" || (user !== undefined && user !== name);
}

const clusterLabel = ({ id }: ClusterRef): string => Object.keys(hostLabelsOf(id, ""))[0] ?? "";

const labelPath = (name: string): string => `/metadata/labels/${pointerSegment(name)}`;

const isNotThere = (thrown: unknown): boolean =>
  thrown instanceof Failure && thrown.code === "NOT_FOUND";

const consumerOf = ({ kind, name }: { readonly kind: string; readonly name: string }): string =>
  `${kind}/${name}`;

const taken = (
  { namespace, name }: Ours,
  { server, consumer }: { readonly server: ServerId; readonly consumer: string },
): Failure =>
  new Failure(
    "CONFLICT",
    `server ${server} is free by its record, but its BareMetalHost ${namespace}/${name} has been taken by ${consumer}, which is none of this cluster's; give it back, or put the server into maintenance and try again`,
    { details: { reason: "consumed", server, consumer } },
  );

const inUse = ({ namespace, name }: Ours, machine: string): Failure =>
  new Failure(
    "KUBERNETES_UNAVAILABLE",
    `the BareMetalHost ${namespace}/${name} has been taken by ${machine} again; it is given back later`,
    { details: { reason: "consumed", machine } },
  );

const withoutHost = ({ place }: ClusterRef, server: ServerId): Failure =>
  new Failure(
    "KUBERNETES_REJECTED",
    `server ${server} has no BareMetalHost in ${place.namespace}: only servers that Metal3 manages there can become a cluster's machines`,
    { details: { reason: "no-host", server } },
  );
