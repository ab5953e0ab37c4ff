import { readConfig, type Config } from "#platform/config.ts";
import { createLog } from "#platform/log.ts";
import type { ControlPlane } from "./control-plane.ts";
import { describeLab, kubeconfigOf, type LabDescription } from "./infrastructure.ts";
import { openStorage } from "./open-database.ts";
import { paceOf } from "./pace.ts";
import { onSignals } from "./signals.ts";

/** The door `serve`: the control plane alone. */
export async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.MILLWRIGHT_LOG_LEVEL);
  // The embedded database opens in its own thread, which takes about as long as to load the rest of the program here.
  const storage = openStorage(config);
  storage.catch(() => undefined);
  const { startControlPlane } = await import("./control-plane.ts");
  const labUrl = config.MILLWRIGHT_LAB_URL;
  const lab = labUrl === undefined ? null : await describeLab(labUrl);
  if (labUrl !== undefined && lab === null) {
    log(
      "warn",
      "the lab does not answer yet; its speed is unknown, so time runs as declared unless MILLWRIGHT_PACE says otherwise",
      { labUrl },
    );
  }
  const plane = await startControlPlane({
    config,
    log,
    pace: paceOf(config, lab),
    kubeconfig: kubeconfigOf(config, lab),
    storage,
  });
  onSignals(log, () => plane.stop());
  process.stdout.write(greeting(plane, lab, config));
}

/** What a person sees once it is ready: where it is, how to get in, and the lines to copy. */
export function greeting(plane: ControlPlane, lab: LabDescription | null, config: Config): string {
  const { url, adminKey, database } = plane;
  const project = `${url}/v1/regions/${config.MILLWRIGHT_REGION}/projects/default`;
  const servers = `${project}/infrastructure/servers`;
  const kubeconfig = lab?.kubernetes?.kubeconfigFile;
  const bmc = lab?.bmcs[0];
  const body = JSON.stringify(
    bmc === undefined
      ? { bmcAddress: "https://10.0.0.5", username: "admin", password: "…" }
      : { bmcAddress: bmc.address, username: bmc.username, password: bmc.password },
  );
  const fromFile = adminKey.where.startsWith("/");
  return [
    "",
    `Millwright is ready at ${url}  (${database === "pglite" ? "embedded database" : "PostgreSQL"}${lab === null ? "" : `, a lab of ${lab.bmcs.length} servers, ${lab.speed} times as fast as life`})`,
    `  admin key   ${adminKey.where}`,
    `  docs        ${url}/docs`,
    ...(kubeconfig === undefined ? [] : [`  kubectl     --kubeconfig ${kubeconfig}`]),
    "",
    "Register a server, watch its run, list the servers:",
    "",
    `  export MW_KEY=${fromFile ? `$(cat ${adminKey.where})` : "mk_…"}`,
    `  export SERVERS=${servers}`,
    `  curl -s -H "Authorization: Bearer $MW_KEY" -H "Content-Type: application/json" -d '${body}' "$SERVERS"`,
    `  curl -s -H "Authorization: Bearer $MW_KEY" '${url}/v1/workflows/runs?limit=1'`,
    `  curl -s -H "Authorization: Bearer $MW_KEY" "$SERVERS"`,
    "",
    ...(lab === null || lab.kubernetes === null ? [] : computeLines(`${project}/compute`)),
    "",
  ].join("\n");
}

/** What the lab's management cluster builds without any server: its class of virtual machines, and a machine of KubeVirt. */
const computeLines = (compute: string): readonly string[] => {
  const post = `curl -s -H "Authorization: Bearer $MW_KEY" -H "Content-Type: application/json" -d`;
  const cluster = JSON.stringify({
    name: "prod",
    class: "lab-virtual",
    kubernetesVersion: "v1.34.5",
    controlPlane: { replicas: 1 },
    nodePools: [{ name: "workers", nodeCount: 2 }],
  });
  const vm = JSON.stringify({
    name: "web",
    cpus: 2,
    memory: "4Gi",
    disks: [{ name: "root", size: "20Gi" }],
  });
  return [
    "Create a cluster, and a virtual machine:",
    "",
    `  export COMPUTE=${compute}`,
    `  ${post} '${cluster}' "$COMPUTE/clusters"`,
    `  ${post} '${vm}' "$COMPUTE/vms"`,
    "",
  ];
};
