import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Run } from "#contract/run.ts";
import { readConfig } from "#platform/config.ts";
import { createLog } from "#platform/log.ts";
import { startControlPlane } from "#doors/control-plane.ts";
import { describeLab, kubeconfigOf, type LabDescription } from "#doors/infrastructure.ts";
import { startLabProcess } from "#doors/lab-process.ts";
import { freePort } from "./free-port.ts";
import { openTriggerSite } from "./trigger-site.ts";
import { ApiClient, type Answer } from "./api-client.ts";
import { endLine, RunPrinter } from "./progress.ts";

/**
 * The demo: a server's life on free ports and a throw-away data directory, through the public API, with every
 * promised outcome checked. It leaves nothing running and nothing behind.
 */

/** Fast enough for a minute, slow enough to watch. */
const SPEED = 100;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

interface Stage {
  readonly api: ApiClient;
  readonly lab: LabDescription;
  readonly labUrl: string;
  readonly servers: string;
  /** Counts outcomes that were not the promised ones. */
  readonly broken: string[];
}

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
  const dataDir = await mkdtemp(join(tmpdir(), "millwright-demo-"));
  const closers: (() => Promise<void>)[] = [() => rm(dataDir, { recursive: true, force: true })];
  const broken: string[] = [];
  try {
    const labProcess = await startLabProcess({ port: 0, servers: 7, speed: SPEED, dataDir });
    closers.push(() => labProcess.stop());
    const lab = await describeLab(labProcess.url);
    if (lab === null) throw new Error("the lab does not answer");
    const port = await freePort();
    const shared = {
      MILLWRIGHT_DATA_DIR: dataDir,
      MILLWRIGHT_LOG_LEVEL: "silent",
      MILLWRIGHT_PUBLIC_URL: `http://127.0.0.1:${port}`,
      MILLWRIGHT_PACE: String(SPEED),
      MILLWRIGHT_LAB_URL: labProcess.url,
    };
    const site = engine === "trigger" ? await openTriggerSite(shared) : null;
    if (site !== null) closers.push(() => site.close());
    const config = readConfig({ ...shared, ...site?.env, MILLWRIGHT_PORT: String(port) });
    const plane = await startControlPlane({
      config,
      log: createLog("silent"),
      pace: SPEED,
      kubeconfig: kubeconfigOf(config, lab),
    });
    closers.push(() => plane.stop());
    if (plane.adminKey.key === null) throw new Error("a new installation has an admin key");
    print(
      `A control plane at ${plane.url} and a lab of ${lab.bmcs.length} servers, ${SPEED} times as fast as life.`,
    );
    if (site !== null)
      print(
        "Every slice of a run is a task, executed by worker processes of a stand-in for Trigger.dev.",
      );
    const servers = "/v1/regions/local/projects/default/infrastructure/servers";
    await play({
      api: new ApiClient(plane.url, plane.adminKey.key),
      lab,
      labUrl: labProcess.url,
      servers,
      broken,
    });
  } finally {
    for (const close of closers.toReversed()) await close();
  }
  if (broken.length > 0) {
    print(`\nNot as promised:\n${broken.map((line) => `  ${line}`).join("\n")}`);
    process.exitCode = 1;
    return;
  }
  print("\nEvery outcome was the promised one.");
}

/** A request that must be accepted, followed to its end and held against the promise. */
async function follow(
  stage: Stage,
  title: string,
  request: () => Promise<Answer>,
  promised: Partial<Run> & { readonly code?: string },
): Promise<Run | null> {
  print(`\n${title}`);
  const began = performance.now();
  const answer = await request();
  if (answer.status !== 202 || answer.runId === null) {
    stage.broken.push(
      `${title}: answered ${answer.status} ${answer.error?.code ?? ""} ${answer.error?.message ?? ""}`,
    );
    return null;
  }
  print(`  202 after ${Math.round(performance.now() - began)} ms, run ${answer.runId}`);
  const printer = new RunPrinter(print);
  let run: Run | null = null;
  for await (run of stage.api.watch(answer.runId)) printer.show(run);
  if (run === null) return null;
  print(endLine(run));
  const { code, ...fields } = promised;
  const wrong = Object.entries(fields).filter(
    ([name, value]) => run?.[name as keyof Run] !== value,
  );
  if (code !== undefined && run.error?.code !== code) wrong.push(["error", code]);
  for (const [name, value] of wrong)
    stage.broken.push(`${title}: ${name} should be ${String(value)}; ${endLine(run).trim()}`);
  return run;
}

const registration = (bmc: LabDescription["bmcs"][number]) => ({
  bmcAddress: bmc.address,
  username: bmc.username,
  password: bmc.password,
  displayName: bmc.name,
});

async function play(stage: Stage): Promise<void> {
  const { api, lab, servers } = stage;
  const bmc = lab.bmcs[0];
  const image = lab.images.find((each) => each.format === "iso");
  if (bmc === undefined || image === undefined)
    throw new Error("the lab has neither a server nor an image");
  const done = { status: "completed" } as const;

  const registered = await follow(
    stage,
    `Register ${bmc.name} (${bmc.vendor} ${bmc.model}) and inspect it`,
    () => api.request("POST", servers, registration(bmc)),
    done,
  );
  if (registered === null) return;
  const server = `${servers}/${registered.resourceId}`;

  const picture = {
    url: image.url,
    format: image.format,
    checksum: image.checksum,
    checksumType: image.checksumType,
  };
  await follow(
    stage,
    `Install ${image.name} on it`,
    () => api.request("POST", `${server}/provision`, { image: picture }),
    done,
  );
  await follow(
    stage,
    "Power-cycle it",
    () => api.request("POST", `${server}/lifecycle`, { action: "power-cycle" }),
    done,
  );

  await untilDone(
    stage,
    await api.request("POST", `${server}/lifecycle`, { action: "deprovision" }),
  );
  // The image is in its slot when this strikes, so there is something to take back.
  await disturb(stage, { target: bmc.name, path: "/Systems/", method: "PATCH", status: 400 });
  const undone = await follow(
    stage,
    "Install again, with a BMC that now refuses to boot from the image: the image is in, and is taken out again",
    () => api.request("POST", `${server}/provision`, { image: picture }),
    { status: "failed", cleanup: "complete", code: "BMC_REJECTED" },
  );
  if (undone?.steps.find(({ name }) => name === "insert-media")?.undo !== "undone")
    stage.broken.push("the image that was in its slot should have been taken out again");
  await disturb(stage, { clear: true });

  const wrongPassword = lab.bmcs.find((each) => each.name.endsWith("bad-password"));
  if (wrongPassword !== undefined) {
    await follow(
      stage,
      `Register ${wrongPassword.name}: nothing is left behind`,
      () => api.request("POST", servers, registration(wrongPassword)),
      { status: "failed", code: "BMC_AUTH_FAILED" },
    );
  }
  await follow(
    stage,
    "Decommission it: erase the disks, forget the credentials",
    () => api.request("DELETE", server),
    done,
  );
}

/** Makes something go wrong in the lab, or ends it. */
async function disturb({ labUrl }: Stage, fault: object): Promise<void> {
  const body = JSON.stringify(fault);
  const response = await fetch(new URL("/_lab/faults", labUrl), { method: "POST", body });
  if (!response.ok) throw new Error(`the lab answers ${response.status}: ${await response.text()}`);
}

async function untilDone(stage: Stage, answer: Answer): Promise<void> {
  if (answer.runId === null) {
    stage.broken.push(`answered ${answer.status}: ${answer.error?.message ?? ""}`);
    return;
  }
  for await (const run of stage.api.watch(answer.runId)) {
    if (run.phase === "ended" && run.status !== "completed")
      stage.broken.push(`${run.type} ${endLine(run).trim()}`);
  }
}
