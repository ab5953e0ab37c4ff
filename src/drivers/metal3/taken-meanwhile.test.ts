import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { hostName } from "#contract/host-name.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { Clients } from "#drivers/kubernetes/clients.ts";
import type { JsonPatch } from "#drivers/kubernetes/object.ts";
import { createHostPool } from "./host-pool.ts";
import { bareMetalHosts } from "./kinds.ts";
import { createMetal3 } from "./metal3.ts";

const run = "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
const server = "srv_01KAP5ZV9QJ5T1W7R9D0C3M8XJ";
const place = { managementCluster: "mgmt", namespace: "demo" };
const cluster = { id: "cls_01KAP5ZV9QJ5T1W7R9D0C3M8XK", place, name: "prod" } as const;
const host = { id: server, place, name: hostName(server) } as const;
const writing: KubernetesWrite = { signal: AbortSignal.timeout(10_000), run, key: `${run}/step` };
const aMachine = { kind: "Metal3Machine", name: "prod-1" };

const hostAs = (resourceVersion: string, spec: object, state = "available") =>
  bareMetalHosts.schema.parse({
    metadata: {
      name: host.name,
      namespace: place.namespace,
      uid: "u-1",
      resourceVersion,
      labels: { "millwright.dev/resource": server, "millwright.dev/cluster": cluster.id },
    },
    spec: { online: false, ...spec },
    status: { provisioning: { state } },
  });

/** A management cluster on which a machine takes the host after it was read once, and before it is written. */
function takenMeanwhile(): { readonly clients: Clients; readonly written: unknown[] } {
  let reads = 0;
  const written: unknown[] = [];
  const client = {
    read: async () => {
      reads += 1;
      return reads === 1 ? hostAs("1", {}) : hostAs("2", { consumerRef: aMachine });
    },
    patch: async (_kind: unknown, _at: unknown, patch: readonly JsonPatch[]) => {
      const isStale = patch.some(
        (each) =>
          each.op === "test" && each.path === "/metadata/resourceVersion" && each.value !== "2",
      );
      if (isStale)
        throw new Failure("KUBERNETES_REJECTED", "the test failed", { details: { status: 422 } });
      written.push(patch);
    },
    pause: async () => undefined,
  };
  return { clients: { at: () => client, close: () => undefined } as unknown as Clients, written };
}

describe("a host that a machine takes between our look and our write", () => {
  it("gets no image of ours", async () => {
    const { clients, written } = takenMeanwhile();
    const port = createMetal3({ clients, reveal: async () => "" });
    const image = { url: "http://127.0.0.1/a.raw", format: "raw", checksum: null } as const;
    await expect(
      port.setImage(host, { image: { ...image, checksumType: null }, config: null }, writing),
    ).rejects.toMatchObject({ code: "CONFLICT", details: { reason: "consumed" } });
    expect(written).toEqual([]);
  });

  it("keeps the marks of the cluster whose machine it is", async () => {
    const { clients, written } = takenMeanwhile();
    await expect(
      createHostPool(clients).unassign(cluster, [server], writing),
    ).rejects.toMatchObject({
      code: "KUBERNETES_UNAVAILABLE",
      details: { reason: "consumed" },
    });
    expect(written).toEqual([]);
  });
});

it.each([
  ["available", [server]],
  ["deprovisioning", []],
  ["provisioned", []],
  ["preparing", []],
])("a host that no machine has is idle when it is available again: %s", async (state, idle) => {
  const client = { list: async () => [hostAs("1", {}, state)] };
  const clients = { at: () => client, close: () => undefined } as unknown as Clients;
  expect(await createHostPool(clients).idle(cluster, [server], writing)).toEqual(idle);
});
