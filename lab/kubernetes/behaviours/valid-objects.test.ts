import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { readCrdFolder } from "#lab/kubernetes/schema/crd.ts";
import { applyDefaults } from "#lab/kubernetes/schema/defaults.ts";
import { prune } from "#lab/kubernetes/schema/prune.ts";
import { validate } from "#lab/kubernetes/schema/validate.ts";
import { keyOf } from "./cluster-api/kinds.ts";
import { headOf, k0rdentKind } from "./k0rdent/kinds.ts";
import { k0rdent } from "./k0rdent/operators.ts";
import { labCredential } from "./k0rdent/seed.ts";
import { seedObjects } from "./seed.ts";
import { CapiWorld, minute, namespace } from "./testing/capi-world.ts";
import { hostPlayer, newHost, statusOf } from "./testing/host-player.ts";

const folder = "../shared/crds";
const isHere = existsSync(folder);
const owners = [
  "cluster-api",
  "cluster-api-provider-metal3",
  "k0rdent-kcm",
  "metal3-baremetal-operator",
];

/** A whole life: made, scaled, upgraded, deleted, with whatever its name makes of it. */
function life(world: CapiWorld, name: string, className: string): void {
  world.ask({ name, className, controlPlane: 3 });
  world.cluster.advance(60 * minute);
  world.editPool(name, (pool) => (pool.replicas = 3));
  world.cluster.advance(30 * minute);
  if (world.isDone(name)) world.edit(name, (topology) => (topology.version = "v1.35.2"));
  world.cluster.advance(120 * minute);
  world.cluster.delete(world.key("Cluster", name));
  world.cluster.advance(60 * minute);
}

/** What a schema could mind: versions and times of the same form are all the same to it. */
function contentOf({ metadata: _metadata, ...object }: KubeObject): string {
  return JSON.stringify(object)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "<time>")
    .replaceAll(/"observedGeneration":\d+/g, "<generation>")
    .replaceAll(/-[b-z2-9]{5}\b/g, "-<ending>");
}

function everything(): readonly KubeObject[] {
  const world = new CapiWorld([hostPlayer, ...k0rdent]);
  for (const object of seedObjects(namespace)) {
    if (
      !world.cluster
        .all()
        .some((it) => it.kind === object.kind && it.metadata.name === object.metadata.name)
    ) {
      world.cluster.create(object);
    }
  }
  for (let index = 0; index < 8; index += 1) {
    const host = world.cluster.create(newHost(`host-${index}`, namespace, {}));
    world.cluster.setStatus(keyOf(host), statusOf("available", ""));
  }
  life(world, "virtual", "lab-virtual");
  life(world, "metal", "lab-metal3");
  life(world, "metal-quota", "lab-metal3");
  for (const fault of [
    "quota",
    "control-plane-hangs",
    "upgrade-stalls",
    "worker-fails",
    "delete-hangs",
  ]) {
    life(world, `c-${fault}`, "lab-virtual");
  }
  life(world, "classless", "nowhere");
  for (const name of ["d1", "d-quota"]) {
    const spec = { template: "lab-machine-pools-1-0-0", credential: labCredential, config: {} };
    world.cluster.create({ ...headOf("ClusterDeployment"), metadata: { name, namespace }, spec });
    world.cluster.advance(60 * minute);
    const key = { kind: k0rdentKind("ClusterDeployment"), namespace, name };
    world.cluster.update(key, (it) => ({
      ...it,
      spec: { ...spec, template: "lab-machine-pools-1-1-0" },
    }));
    world.cluster.advance(60 * minute);
    world.cluster.delete(key);
    world.cluster.advance(30 * minute);
  }
  return world.cluster.history;
}

describe.skipIf(!isHere)(
  "whatever Cluster API and k0rdent write (../shared/crds; skipped without)",
  () => {
    it("is valid under the official definitions, in every state", () => {
      const resources = owners.flatMap((owner) => readCrdFolder(join(folder, owner)));
      const schemaOf = (object: KubeObject) => {
        const [group, version] = object.apiVersion.split("/");
        const resource = resources.find((it) => it.group === group && it.kind === object.kind);
        return resource?.versions.find((it) => it.name === version && it.storage)?.schema;
      };
      const problems = new Set<string>();
      const judged = new Set<string>();
      const seen = new Set<string>();
      for (const object of everything()) {
        const schema = schemaOf(object);
        if (schema === undefined || seen.has(contentOf(object))) continue;
        seen.add(contentOf(object));
        judged.add(object.kind);
        const { object: pruned, unknown } = prune(schema, object);
        for (const field of unknown)
          problems.add(`${object.kind}: unknown ${JSON.stringify(field)}`);
        for (const { field, message } of validate(schema, applyDefaults(schema, pruned))) {
          problems.add(`${object.kind}: ${field} ${message}`);
        }
      }
      expect([...problems]).toEqual([]);
      expect([...judged].toSorted()).toEqual([
        "BareMetalHost",
        "Cluster",
        "ClusterClass",
        "ClusterDeployment",
        "ClusterTemplate",
        "ClusterTemplateChain",
        "Credential",
        "KubeadmConfig",
        "KubeadmConfigTemplate",
        "KubeadmControlPlane",
        "KubeadmControlPlaneTemplate",
        "Machine",
        "MachineDeployment",
        "MachineSet",
        "Metal3Cluster",
        "Metal3ClusterTemplate",
        "Metal3Machine",
        "Metal3MachineTemplate",
      ]);
    });
  },
);
