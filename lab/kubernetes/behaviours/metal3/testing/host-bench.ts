import { Buffer } from "node:buffer";
import { FakeCluster } from "#lab/kubernetes/behaviours/testing/fake-cluster.ts";
import { schemaProblems } from "#lab/kubernetes/behaviours/testing/official-schemas.ts";
import { minute } from "#lab/kubernetes/behaviours/life.ts";
import { hostKind } from "#lab/kubernetes/behaviours/metal3/host.ts";
import type { HostSpec, HostStatus } from "#lab/kubernetes/behaviours/metal3/host.ts";
import type { Machine, Machines } from "#lab/kubernetes/behaviours/metal3/machines.ts";
import { metal3 } from "#lab/kubernetes/behaviours/metal3/metal3.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";

export const nowhere: Machines = { find: () => null };
export const image = {
  url: "http://images.test/debian-13.qcow2",
  checksum: "abc",
  format: "qcow2",
};

/** All that the tests of this file made, for the last one. */
const benches: HostBench[] = [];

/** One host in a cluster of its own. */
export class HostBench {
  readonly cluster: FakeCluster;
  readonly key: ObjectKey;

  constructor(name = "node-1", machines: Machines = nowhere, capacity = 20) {
    this.cluster = new FakeCluster([metal3({ machines, capacity })]);
    this.key = { kind: hostKind, namespace: "metal", name };
    benches.push(this);
  }

  get host(): KubeObject {
    return this.cluster.expect(this.key);
  }

  get status(): HostStatus {
    return this.host["status"] as HostStatus;
  }

  get state(): string {
    return this.status.provisioning.state;
  }

  /** Every state that was ever stored, without repetitions. */
  get states(): readonly string[] {
    const all = this.cluster.history
      .filter(({ kind, metadata }) => kind === "BareMetalHost" && metadata.name === this.key.name)
      .map((host) => (host["status"] as HostStatus | undefined)?.provisioning.state ?? "");
    return all.filter((state, index) => state !== all[index - 1]);
  }

  get actions(): readonly string[] {
    return this.cluster.effects.map(({ action }) => action);
  }

  get reasons(): readonly string[] {
    return this.cluster.events.map(({ reason }) => reason);
  }

  secret(data: Record<string, string> = { username: "admin", password: "secret\n" }): ObjectKey {
    const encoded = Object.entries(data).map(([key, value]) => [
      key,
      Buffer.from(value).toString("base64"),
    ]);
    this.cluster.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `${this.key.name}-bmc`, namespace: "metal" },
      data: Object.fromEntries(encoded),
    });
    return { kind: "Secret", namespace: "metal", name: `${this.key.name}-bmc` };
  }

  create(
    spec: Partial<HostSpec> = {},
    annotations: Readonly<Record<string, string>> = {},
  ): KubeObject {
    return this.cluster.create({
      apiVersion: "metal3.io/v1alpha1",
      kind: "BareMetalHost",
      metadata: { name: this.key.name, namespace: "metal", annotations },
      spec: {
        online: true,
        bmc: {
          address: "redfish-virtualmedia+https://192.0.2.7/redfish/v1/Systems/1",
          credentialsName: `${this.key.name}-bmc`,
        },
        ...spec,
      },
    });
  }

  enrol(spec: Partial<HostSpec> = {}): void {
    this.secret();
    this.create(spec);
    this.until("available", 6 * minute);
  }

  provision(): void {
    this.enrol();
    this.patch({ image });
    this.until("provisioned", 6 * minute);
    this.cluster.advance(2 * minute);
  }

  patch(spec: Partial<Record<keyof HostSpec, unknown>>): void {
    this.cluster.update(this.key, (host) => ({
      ...host,
      spec: { ...(host["spec"] as HostSpec), ...spec },
    }));
  }

  annotate(name: string, value: string | undefined): void {
    this.cluster.update(this.key, (host) => {
      const { [name]: _old, ...others } = host.metadata.annotations ?? {};
      const annotations = value === undefined ? others : { ...others, [name]: value };
      return { ...host, metadata: { ...host.metadata, annotations } };
    });
  }

  until(state: string, limitMs: number): number {
    return this.cluster.advanceUntil(() => this.state === state, limitMs);
  }
}

/** A machine that does what it is told at once. */
export function anyMachine(): Machine {
  let power: "on" | "off" = "off";
  return {
    name: "any",
    hardware: () => ({
      cpu: { arch: "x86_64", clockMegahertz: 2000, count: 8, flags: [], model: "any" },
      firmware: { bios: { date: "", vendor: "", version: "" } },
      hostname: "any",
      nics: [],
      ramMebibytes: 1024,
      storage: [],
      systemVendor: { manufacturer: "", productName: "", serialNumber: "" },
    }),
    checkAccess: () => "ok",
    power: () => power,
    setPower: (to) => {
      power = to;
    },
    restart: () => undefined,
    writeImage: () => null,
    wipe: () => null,
  };
}

/** What the official CRDs say against everything that the tests of this file have stored so far. */
export function problemsSoFar(): { readonly count: number; readonly problems: readonly string[] } {
  const objects = benches.flatMap(({ cluster }) => cluster.history);
  return {
    count: objects.length,
    problems: schemaProblems(objects, ["metal3-baremetal-operator"]),
  };
}
