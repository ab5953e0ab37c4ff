import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clusterApi } from "#lab/kubernetes/behaviours/cluster-api/operators.ts";
import { cdi, kubevirt } from "#lab/kubernetes/behaviours/kubevirt/kubevirt.ts";
import { seedObjects } from "#lab/kubernetes/behaviours/seed.ts";
import { tryCluster } from "#lab/kubernetes/try-cluster.ts";
import type { TryCluster } from "#lab/kubernetes/try-cluster.ts";

/*
 * The operators as the lab plays them, asked by HTTP alone.
 */

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({
    behaviours: [...clusterApi, kubevirt, cdi],
    seeds: seedObjects("default"),
    speed: 2000,
  });
});
afterAll(() => lab.end());

interface Told {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly printableStatus?: string;
}

/** Watches a list until its only object says so. */
async function until(path: string, isSo: (status: Told) => boolean): Promise<void> {
  const watching = await lab.watch(`${path}?watch=true`);
  for (let event = await watching.next(); event !== undefined; event = await watching.next())
    if (event.type !== "DELETED" && isSo(event.object.status ?? {})) break;
  watching.close();
}

describe("the lab's operators", () => {
  test("build a cluster from a class, and take it away", async () => {
    const clusters = "/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters";
    const made = await lab.ask("POST", clusters, {
      body: {
        apiVersion: "cluster.x-k8s.io/v1beta2",
        kind: "Cluster",
        metadata: { name: "shop" },
        spec: {
          topology: {
            classRef: { name: "lab-virtual" },
            version: "v1.34.5",
            controlPlane: { replicas: 1 },
            workers: { machineDeployments: [{ class: "worker", name: "md", replicas: 2 }] },
          },
        },
      },
    });
    expect(made.status).toBe(201);
    const isTrue = (status: Told, type: string): boolean =>
      status.conditions?.some((each) => each.type === type && each.status === "True") === true;
    await until(clusters, (status) => isTrue(status, "Available"));
    const machines = await lab.ask("GET", clusters.replace("clusters", "machines"));
    expect(machines.body.items).toHaveLength(3);
    const kubeconfig = "/api/v1/namespaces/default/secrets/shop-kubeconfig";
    expect((await lab.ask("GET", kubeconfig)).status).toBe(200);
    const watching = await lab.watch(
      `${clusters}?watch=true&resourceVersion=${lab.cluster.store.revision}`,
    );
    await lab.ask("DELETE", `${clusters}/shop`);
    for (let event = await watching.next(); event !== undefined; event = await watching.next())
      if (event.type === "DELETED") break;
    watching.close();
    const left = await lab.ask("GET", clusters.replace("clusters", "machines"));
    expect(left.body.items).toEqual([]);
  });

  test("run a virtual machine, and restart it by its command", async () => {
    const vms = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines";
    const domain = { devices: {}, resources: { requests: { memory: "1Gi" } } };
    const made = await lab.ask("POST", vms, {
      body: {
        apiVersion: "kubevirt.io/v1",
        kind: "VirtualMachine",
        metadata: { name: "vm" },
        spec: { runStrategy: "Always", template: { spec: { domain } } },
      },
    });
    expect(made.status).toBe(201);
    await until(vms, ({ printableStatus }) => printableStatus === "Running");
    const command = `/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/vm`;
    expect((await lab.ask("PUT", `${command}/start`, { body: {} })).status).toBe(409);
    expect((await lab.ask("PUT", `${command}/restart`, { body: {} })).status).toBe(202);
  });
});
