import { startLab } from "#lab/lab.ts";
import { say } from "./child.ts";
import { watchMemory } from "./memory.ts";

/** A lab without servers in a process of its own, which says what it has needed. `lab.child.ts <data directory> <speed>`. */

const [dataDir = "", speed = ""] = process.argv.slice(2);
const memory = watchMemory();
const lab = await startLab({
  host: "127.0.0.1",
  port: 0,
  servers: 0,
  speed: Number(speed),
  portBase: null,
  dataDir,
  hasNamedFaults: false,
  hasKubernetes: true,
  kubernetesPort: 0,
});
process.once("SIGTERM", () => {
  say("stopping", { ...memory() });
  void lab.close().finally(() => process.exit(0));
});
say("ready", { url: lab.url });
