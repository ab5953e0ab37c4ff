import { expect } from "vitest";
import { vmDelete } from "#workflows/vm/delete.ts";
import { clusterSpeed } from "./clusters.ts";
import { type ArrangedVm, plotVm, standingVm } from "./vms.ts";
import { type Arrangement, sagaCases } from "./harness.ts";

/** Taking a virtual machine away, with its disks and without. Afterwards its name is free. */
const deletion = (keepDisks: boolean): Arrangement<ArrangedVm> => ({
  title: keepDisks ? "keeping its disks" : "with its disks",
  labSpeed: clusterSpeed,
  async arrange(site) {
    const plot = plotVm(site);
    await standingVm(site, plot);
    return { ...plot, request: { workflow: "vm.delete", input: { vmId: plot.id, keepDisks } } };
  },
  async completed(_site, { subject }) {
    expect(await subject.view()).toMatchObject({ state: "deleted" });
    const { objects } = (await subject.world()) as { readonly objects: readonly string[] };
    const kinds = objects.map((key) => key.slice(0, key.indexOf(" ")));
    expect(kinds.filter((kind) => kind.startsWith("VirtualMachine"))).toEqual([]);
    expect(kinds.filter((kind) => kind.startsWith("DataVolume"))).toHaveLength(keepDisks ? 2 : 0);
  },
  next(site, { spec }) {
    const input = {
      vmId: site.ids.vm(),
      region: "local",
      project: "default",
      spec: { ...spec, disks: spec.disks.map((disk) => ({ ...disk, name: `${disk.name}-2` })) },
      onFailure: "undo",
    };
    return { workflow: "vm.create", input, facts: [] };
  },
});

sagaCases(vmDelete, deletion(false));
sagaCases(vmDelete, { ...deletion(true), steps: ["delete-vm", "await-gone"] });
