import { expect } from "vitest";
import { vmCreate } from "#workflows/vm/create.ts";
import { clusterSpeed } from "./clusters.ts";
import { type ArrangedVm, plotVm, writing } from "./vms.ts";
import { sagaCases } from "./harness.ts";

/** Making a virtual machine with two disks and user data. What fails leaves no object, no disk, no secret and no record. */
sagaCases<ArrangedVm>(vmCreate, {
  labSpeed: clusterSpeed,
  async arrange(site) {
    const userData = site.secret("#cloud-config\n");
    const plot = plotVm(site, { userData: userData.id });
    const { id, spec } = plot;
    const input = { vmId: id, region: "local", project: "default", spec, onFailure: "undo" };
    return { ...plot, request: { workflow: "vm.create", input, secrets: [userData], facts: [] } };
  },
  async completed(site, { ref, subject }) {
    expect(await subject.view()).toMatchObject({ state: "running" });
    const seen = await site.front.ports.vms.read(ref, writing());
    expect(seen).toMatchObject({ power: "running", ready: true });
    expect(seen?.disks.map(({ phase }) => phase)).toEqual(["Succeeded", "Succeeded"]);
  },
  next: (_site, { id }) => ({
    workflow: "vm.power",
    input: { vmId: id, action: "start", force: false },
  }),
});
