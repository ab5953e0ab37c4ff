import { z } from "zod";
import type { RunId, VmId } from "#contract/ids.ts";
import type { VmFact, VmSpec } from "#contract/vm.ts";
import { vmTable } from "#domain/vm/row.ts";
import type { VmState } from "#domain/vm/state.ts";
import { vmView } from "#domain/vm/view.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { VmRef } from "#drivers/vm-ports.ts";
import { wantedOf } from "#workflows/vm/kit.ts";
import type { Arranged } from "./harness.ts";
import { type Site, until } from "./site.ts";
import type { Subject } from "./subject.ts";

/** Virtual machines as the saga harness plays with them, each with a name of its own. */

export interface ArrangedVm extends Arranged {
  readonly id: VmId;
  readonly ref: VmRef;
  readonly spec: VmSpec;
}

let plots = 0;
const nobody = "run_00000000000000000000000000" satisfies RunId;
const place = { managementCluster: "lab-admin", namespace: "default" } as const;

const Snapshot = z.object({ kubernetes: z.record(z.string(), z.unknown()) });
const Wish = z.object({ spec: z.object({ runStrategy: z.string() }) });

/** A case's virtual machine, before anything of it is there. */
export function plotVm(site: Site, more: Partial<VmSpec> = {}): Omit<ArrangedVm, "request"> {
  plots += 1;
  // The point of the last letter: no name begins with another.
  const name = `saga-vm-${plots}x`;
  const id = site.ids.vm();
  const spec: VmSpec = {
    name,
    place,
    cpus: 2,
    memory: "2Gi",
    disks: [
      { name: "root", size: "10Gi", image: "https://images.example/debian-13.qcow2", boot: true },
      { name: "data", size: "20Gi", image: null, boot: false },
    ],
    networks: [],
    userData: null,
    running: true,
    ...more,
  };
  return { id, ref: { id, place, name }, spec, subject: subjectOf(site, id, name) };
}

function subjectOf(site: Site, id: VmId, name: string): Subject {
  return {
    async view() {
      const vm = await vmOf(site, id);
      if (vm === null) return null;
      const { updatedAt: _at, problems: _problems, ...view } = vmView(vm);
      return view;
    },
    async world() {
      const { kubernetes } = Snapshot.parse(await site.lab.get(`/snapshot?prefix=${name}`));
      const own = Object.keys(kubernetes);
      const vm = Wish.safeParse(kubernetes[`VirtualMachine.kubevirt.io default/${name}`]);
      return { objects: own.toSorted(), runStrategy: vm.data?.spec.runStrategy ?? null };
    },
    effects: () => site.lab.effectsOf(name),
  };
}

async function vmOf(site: Site, id: VmId): Promise<VmState | null> {
  const rows = await site.database.query<Record<string, unknown>>(
    "select body from vms where id = $1",
    [id],
  );
  return rows[0] === undefined ? null : vmTable.fromRow(rows[0]);
}

export const writing = (): KubernetesWrite => ({
  signal: AbortSignal.timeout(120_000),
  key: `${nobody}/arranged`,
  run: nobody,
});

/** A virtual machine that is there and runs, or does not when its spec says so. No run was needed for it. */
export async function standingVm(
  site: Site,
  { id, ref, spec }: Pick<ArrangedVm, "id" | "ref" | "spec">,
  facts: readonly VmFact[] = [],
): Promise<void> {
  const { vms } = site.front.ports;
  await site.happened("vm", id, [
    { type: "vm.requested", data: { vm: id, region: "local", project: "default", spec } },
  ]);
  const record = await vmOf(site, id);
  if (record === null) throw new Error("the virtual machine could not be arranged");
  await vms.create(ref, wantedOf(record), writing());
  const wanted = spec.running ? "running" : "stopped";
  let seen = await vms.read(ref, writing());
  await until(async () => {
    seen = await vms.read(ref, writing());
    return seen?.power === wanted && (wanted === "stopped" || seen.ready);
  });
  const { node = null, addresses = [] } = seen ?? {};
  await site.happened("vm", id, [
    { type: "vm.power_changed", data: { power: wanted, node, addresses: [...addresses] } },
    { type: "vm.created", data: {} },
    ...facts,
  ]);
}
