import type { Vm } from "#contract/vm.ts";
import { done, type Stage } from "./stage.ts";

/** A virtual machine: created, stopped, started, deleted. */
export async function playMachine(stage: Stage): Promise<void> {
  stage.chapter("A virtual machine");
  const { api } = stage;
  const vms = `${stage.base}/compute/vms`;
  const created = await stage.follow(
    "Create vm web: 2 CPUs, 4 GiB of memory, a disk of 20 GiB",
    () =>
      api.request("POST", vms, {
        name: "web",
        cpus: 2,
        memory: "4Gi",
        disks: [{ name: "root", size: "20Gi", image: "http://127.0.0.1/images/debian.qcow2" }],
      }),
    done,
  );
  if (created === null) return;
  const path = `${vms}/${created.resourceId}`;
  for (const [action, promised] of [
    ["stop", "stopped"],
    ["start", "running"],
  ] as const) {
    await stage.follow(
      `${action === "stop" ? "Stop" : "Start"} it`,
      () => api.request("POST", `${path}/power`, { action }),
      done,
    );
    const { state } = (await api.request("GET", path)).data as Vm;
    stage.expect(state === promised, `the machine should be ${promised}; it is ${state}`);
  }
  await stage.follow("Delete it, and its disk with it", () => api.request("DELETE", path), done);
  const { state } = (await api.request("GET", path)).data as Vm;
  stage.expect(state === "deleted", `the machine should be deleted; it is ${state}`);
}
