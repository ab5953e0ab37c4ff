import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import type {
  Behaviour,
  ClusterClient,
  ClusterView,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { type Finding, no, yes } from "./conditions.ts";
import { clusterFaultsOf } from "./faults.ts";
import { hold, release } from "./finalizers.ts";
import {
  addressesOf,
  isProvisioned,
  reconcileInfraCluster,
  writeInfraStatus,
} from "./infrastructure.ts";
import { keyOf, kindName, namespaceOf } from "./kinds.ts";
import {
  chooseHost,
  freeHost,
  hostOf,
  isHostProvisioned,
  isReleased,
  type Metal3MachineSpec,
  takeHost,
} from "./metal3-host.ts";
import type { MachineSpec } from "./model.ts";
import {
  annotations,
  clusterNameOf,
  clusterOf,
  isDeleting,
  isPaused,
  partsOfCluster,
  specOf,
} from "./relations.ts";
import { takes } from "./waiting.ts";

const finalizer = "metal3machine.infrastructure.cluster.x-k8s.io";

/**
 * Plays CAPM3: a Metal3Machine takes an available BareMetalHost that its selector matches, has it written by the Bare Metal
 * Operator, and gives it back at its end. Conditions and reasons are those of CAPM3's v1beta2 API.
 */
export const metal3Provider: Behaviour = {
  manager: "capm3-manager",
  watches: [
    { kind: kindName("Metal3Cluster") },
    { kind: kindName("Metal3Machine") },
    { kind: kindName("BareMetalHost"), toKeys: interestedIn },
    {
      kind: kindName("Machine"),
      toKeys: ({ metadata }) => [
        {
          kind: kindName("Metal3Machine"),
          namespace: metadata.namespace ?? "",
          name: metadata.name,
        },
      ],
    },
    partsOfCluster("Metal3Cluster"),
    partsOfCluster("Metal3Machine"),
  ],
  reconciles: [kindName("Metal3Cluster"), kindName("Metal3Machine")],
  reconcile(object, cluster) {
    if (object.kind === "Metal3Cluster") {
      return reconcileInfraCluster(
        object,
        "metal3cluster.infrastructure.cluster.x-k8s.io",
        cluster,
      );
    }
    if (isPaused(object, clusterOf(object, cluster))) return null;
    return isDeleting(object) ? giveBack(object, cluster) : bringUp(object, cluster);
  },
};

/** A taken host concerns its machine; a free one all machines that still look for one. */
function interestedIn(host: KubeObject, view: ClusterView): readonly ObjectKey[] {
  const kind = kindName("Metal3Machine");
  const namespace = namespaceOf(host);
  const consumer = specOf<{ consumerRef?: { kind?: string; name?: string } }>(host).consumerRef;
  if (consumer !== undefined) {
    return consumer.kind === "Metal3Machine" && consumer.name !== undefined
      ? [{ kind, namespace, name: consumer.name }]
      : [];
  }
  return view
    .list(kind, { namespace })
    .filter(
      (machine) =>
        machine.metadata.annotations?.[annotations.bareMetalHost] === undefined ||
        isDeleting(machine),
    )
    .map(keyOf);
}

function bringUp(machine: KubeObject, cluster: ClusterClient): number | null {
  hold(machine, finalizer, cluster);
  const owner = clusterOf(machine, cluster);
  const { initialization } = (owner?.["status"] ?? {}) as {
    initialization?: { infrastructureProvisioned?: boolean };
  };
  if (initialization?.infrastructureProvisioned !== true) {
    return waits(machine, no("WaitingForClusterInfrastructureReady"), cluster);
  }
  const secret = bootstrapSecret(machine, cluster);
  if (secret === undefined) return waits(machine, no("WaitingForBootstrapData"), cluster);

  let host = hostOf(machine, cluster);
  if (host === undefined) {
    const clusterName = clusterNameOf(machine);
    const choice = clusterFaultsOf(clusterName).exceedsQuota
      ? "exceeded quota: no hosts may be used"
      : chooseHost(machine, cluster);
    if (typeof choice === "string") {
      const message = `failed to associate BareMetalHost: ${choice}`;
      waits(machine, no("AssociateBareMetalHostFailed", message), cluster);
      return takes.retry;
    }
    host = takeHost(choice, machine, secret, cluster);
    cluster.effect(machine.metadata.name, "host-taken", {
      cluster: clusterName,
      host: host.metadata.name,
    });
  }
  const isWritten = isHostProvisioned(host, machine);
  if (isWritten && !isProvisioned(machine)) {
    const providerID = `metal3://${namespaceOf(machine)}/${host.metadata.name}/${machine.metadata.name}`;
    cluster.update(keyOf(machine), (newest) => ({
      ...newest,
      spec: { ...specOf<object>(newest), providerID },
    }));
  }
  const done = isWritten || isProvisioned(machine);
  writeInfraStatus(
    machine,
    done
      ? {
          initialization: { provisioned: true },
          addresses: addressesOf(machine.metadata.name, host.metadata.uid),
        }
      : {},
    {
      AssociateBareMetalHost: yes("AssociateBareMetalHostSuccess"),
      AssociateMetal3MachineMetaData: yes("AssociateMetal3MachineMetaDataSuccess"),
      Metal3DataReady: yes("SecretsSetExternally"),
      Ready: done
        ? yes("Ready")
        : no("NotReady", `Waiting for BareMetalHost ${host.metadata.name} to be provisioned`),
    },
    cluster,
  );
  return null;
}

function waits(machine: KubeObject, association: Finding, cluster: ClusterClient): null {
  const said = association.message === "" ? association.reason : association.message;
  writeInfraStatus(
    machine,
    {},
    {
      AssociateBareMetalHost: association,
      Ready: no("NotReady", `* AssociateBareMetalHost: ${said}`),
    },
    cluster,
  );
  return null;
}

function giveBack(machine: KubeObject, cluster: ClusterClient): number | null {
  writeInfraStatus(machine, {}, { Ready: no("Deleting", "Waiting for its host") }, cluster);
  const host = hostOf(machine, cluster);
  if (host !== undefined) {
    freeHost(host, machine, cluster);
    const newest = cluster.get(keyOf(host)) ?? host;
    if (!isReleased(newest)) return null;
    cluster.update(keyOf(host), (it) => {
      const { consumerRef: _consumer, ...rest } = specOf<Record<string, unknown>>(it);
      return { ...it, spec: rest };
    });
    cluster.effect(machine.metadata.name, "host-released", {
      cluster: clusterNameOf(machine),
      host: host.metadata.name,
    });
  }
  release(machine, finalizer, cluster);
  return null;
}

function bootstrapSecret(machine: KubeObject, cluster: ClusterClient): string | undefined {
  const { userData } = specOf<Metal3MachineSpec>(machine);
  if (userData?.name !== undefined) return userData.name;
  const owner = cluster.get({
    kind: kindName("Machine"),
    namespace: namespaceOf(machine),
    name: machine.metadata.name,
  });
  return owner && specOf<MachineSpec>(owner).bootstrap.dataSecretName;
}
