import type {
  AggregatedReply,
  Behaviour,
  ClusterClient,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { minute } from "#lab/kubernetes/behaviours/life.ts";
import { cdi, kubevirt } from "#lab/kubernetes/behaviours/kubevirt/kubevirt.ts";
import {
  instanceKind,
  instanceStatus,
  vmKind,
  vmStatus,
} from "#lab/kubernetes/behaviours/kubevirt/objects.ts";
import type { InstanceStatus, VmStatus } from "#lab/kubernetes/behaviours/kubevirt/objects.ts";
import { FakeCluster } from "#lab/kubernetes/behaviours/testing/fake-cluster.ts";
import {
  hasOfficialSchemas,
  schemaProblems,
} from "#lab/kubernetes/behaviours/testing/official-schemas.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";

/** All that the tests of a file made. */
const benches: VmBench[] = [];

const disk = { name: "root", disk: { bus: "virtio" } };

/** One virtual machine in a cluster of its own. */
export class VmBench {
  readonly cluster: FakeCluster;
  readonly key: ObjectKey;
  #client: ClusterClient | undefined;

  constructor(name = "vm-1") {
    /** Lends the test the client that operators have, for calls of aggregated paths. */
    const lender: Behaviour = {
      manager: "lender",
      watches: [{ kind: vmKind }],
      reconciles: [vmKind],
      reconcile: (_object, client) => {
        this.#client = client;
        return null;
      },
    };
    this.cluster = new FakeCluster([kubevirt, cdi, lender]);
    this.key = { kind: vmKind, namespace: "vms", name };
    benches.push(this);
  }

  get vm(): KubeObject {
    return this.cluster.expect(this.key);
  }

  get status(): VmStatus {
    return vmStatus(this.vm);
  }

  get printed(): string | undefined {
    return this.status.printableStatus;
  }

  get instance(): KubeObject | undefined {
    return this.cluster.get({ ...this.key, kind: instanceKind });
  }

  get instanceStatus(): InstanceStatus {
    return instanceStatus(this.cluster.expect({ ...this.key, kind: instanceKind }));
  }

  get actions(): readonly string[] {
    return this.cluster.effects.map(({ action }) => action);
  }

  /** Everything that was ever printed, without repetitions. */
  get printings(): readonly (string | undefined)[] {
    const all = this.cluster.history
      .filter(({ kind }) => kind === "VirtualMachine")
      .map((vm) => vmStatus(vm).printableStatus);
    return all.filter((printed, index) => printed !== undefined && printed !== all[index - 1]);
  }

  /** A machine that starts from a container disk. */
  create(spec: object = { runStrategy: "Always" }, template: object = {}): void {
    this.cluster.create({
      apiVersion: "kubevirt.io/v1",
      kind: "VirtualMachine",
      metadata: { name: this.key.name, namespace: "vms" },
      spec: {
        ...spec,
        template: {
          metadata: { labels: { "kubevirt.io/vm": this.key.name } },
          spec: {
            domain: { devices: { disks: [disk] }, memory: { guest: "1Gi" } },
            volumes: [{ name: "root", containerDisk: { image: "registry.test/fedora:41" } }],
            ...template,
          },
        },
      },
    });
  }

  /** A machine whose disk is imported. */
  createWithVolume(
    runStrategy = "Always",
    source: object = { http: { url: "http://i.test/a" } },
  ): void {
    const name = `${this.key.name}-root`;
    const pvc = {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "10Gi" } },
    };
    const dataVolumeTemplates = [{ metadata: { name }, spec: { source, pvc } }];
    const volumes = [{ name: "root", dataVolume: { name } }];
    this.create({ runStrategy, dataVolumeTemplates }, { volumes });
  }

  patch(spec: object): void {
    this.cluster.update(this.key, (vm) => ({
      ...vm,
      spec: { ...(vm["spec"] as object), ...spec },
    }));
  }

  /** Calls a verb as a client of virt-api would. */
  put(resource: string, body: unknown = null): AggregatedReply {
    const path = kubevirt.aggregated?.find((candidate) => candidate.resource === resource);
    if (path === undefined || this.#client === undefined) throw new Error(`no ${resource}`);
    const { namespace, name } = this.key;
    const reply = path.put({ namespace, name }, body, this.#client);
    this.cluster.settle();
    return reply;
  }

  start(body?: unknown): AggregatedReply {
    return this.put("virtualmachines/start", body);
  }

  stop(body?: unknown): AggregatedReply {
    return this.put("virtualmachines/stop", body);
  }

  /** Returns how long it took, in ms of life. */
  until(printed: string, limitMs = 2 * minute): number {
    return this.cluster.advanceUntil(() => this.printed === printed, limitMs);
  }

  /** What the API server's garbage collector does: what has lost all its owners goes. */
  collectGarbage(): void {
    const uids = new Set(this.cluster.all().map(({ metadata }) => metadata.uid));
    for (const { apiVersion, kind, metadata } of this.cluster.all()) {
      const { ownerReferences = [], namespace = "", name } = metadata;
      if (ownerReferences.length === 0 || ownerReferences.some(({ uid }) => uids.has(uid)))
        continue;
      const group = apiVersion.includes("/") ? `.${apiVersion.split("/")[0] ?? ""}` : "";
      this.cluster.delete({ kind: `${kind}${group}`, namespace, name });
    }
  }
}

export { hasOfficialSchemas };

/** What the official CRDs say against everything that the tests of this file have stored so far. */
export function problemsSoFar(): { readonly count: number; readonly problems: readonly string[] } {
  const objects = benches.flatMap(({ cluster }) => cluster.history);
  return { count: objects.length, problems: schemaProblems(objects, ["kubevirt", "cdi"]) };
}
