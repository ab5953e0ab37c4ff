import { expect } from "vitest";
import type { VmPower, VmPowerAction } from "#contract/vm.ts";
import { vmPower } from "#workflows/vm/power.ts";
import { clusterSpeed } from "./clusters.ts";
import { type ArrangedVm, plotVm, standingVm, writing } from "./vms.ts";
import { type Arrangement, sagaCases } from "./harness.ts";

/** One case of each way: a wish (stop), a command that is seen by another instance (restart), one by a state (pause). */

const acting = (action: VmPowerAction, end: VmPower): Arrangement<ArrangedVm> => ({
  title: action,
  labSpeed: clusterSpeed,
  async arrange(site) {
    const plot = plotVm(site, { running: action !== "start" });
    await standingVm(site, plot);
    const input = { vmId: plot.id, action, force: false };
    return { ...plot, request: { workflow: "vm.power", input } };
  },
  async completed(site, { ref, subject }) {
    expect(await subject.view()).toMatchObject({ state: end });
    expect(await site.front.ports.vms.read(ref, writing())).toMatchObject({ power: end });
  },
  next: (_site, { id }) => ({ workflow: "vm.delete", input: { vmId: id, keepDisks: false } }),
});

sagaCases(vmPower, acting("stop", "stopped"));
sagaCases(vmPower, { ...acting("start", "running"), steps: ["apply", "await-state"] });
sagaCases(vmPower, { ...acting("restart", "running"), steps: ["apply", "await-state"] });
sagaCases(vmPower, { ...acting("pause", "paused"), steps: ["apply", "await-state"] });
