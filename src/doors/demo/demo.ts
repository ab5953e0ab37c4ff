import { ApiClient } from "./api-client.ts";
import { buildCluster, deleteCluster, upgradeCluster } from "./cluster-chapter.ts";
import { playFailures } from "./failure-chapter.ts";
import { LabClient } from "./lab-client.ts";
import { gatherPool, registerHosts } from "./pool-chapter.ts";
import { playServer } from "./server-chapter.ts";
import { openSite, SPEED } from "./site.ts";
import { Stage } from "./stage.ts";
import { playMachine } from "./vm-chapter.ts";

/**
 * The demo: the lives of a server, a cluster and a virtual machine, through the public API, with every promised outcome
 * checked. It leaves nothing running and nothing behind.
 */

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** What `demo` is told: nothing, or which engine. Throws in words. */
function engineIn(words: readonly string[]): "embedded" | "trigger" {
  const [name, value] = words.length === 1 ? (words[0] ?? "").split("=") : words;
  if (words.length === 0) return "embedded";
  if (name === "--engine" && words.length <= 2 && (value === "embedded" || value === "trigger"))
    return value;
  throw new Error("demo takes --engine embedded or --engine trigger, and nothing else");
}

export async function demo(words: readonly string[]): Promise<void> {
  const engine = engineIn(words);
  const site = await openSite(engine);
  let broken: readonly string[];
  try {
    print(
      `A control plane at ${site.url} and a lab of ${site.lab.bmcs.length} servers, ${SPEED} times as fast as life.`,
    );
    if (engine === "trigger")
      print(
        "Every slice of a run is a task, executed by worker processes of a stand-in for Trigger.dev.",
      );
    const stage = new Stage({
      api: new ApiClient(site.url, site.key),
      lab: new LabClient(site.labUrl),
      described: site.lab,
      print,
    });
    await play(stage);
    broken = stage.broken;
  } finally {
    await site.close();
  }
  if (broken.length > 0) {
    print(`\nNot as promised:\n${broken.map((line) => `  ${line}`).join("\n")}`);
    process.exitCode = 1;
    return;
  }
  print("\nEvery outcome was the promised one.");
}

/** The chapters in their order; one that cannot begin ends the play, and what is missing is among what was broken. */
async function play(stage: Stage): Promise<void> {
  // Metal3 inspects its servers while the first chapter plays.
  const [hosts] = await Promise.all([registerHosts(stage), playServer(stage)]);
  const pool = await gatherPool(stage, hosts);
  if (pool === null) return;
  const cluster = await buildCluster(stage, pool);
  if (cluster === null) return;
  await upgradeCluster(stage, { pool, cluster });
  await playMachine(stage);
  await playFailures(stage, pool);
  await deleteCluster(stage, { pool, cluster });
}
