import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlPlane } from "#doors/control-plane.ts";
import { describeLab, kubeconfigOf, type LabDescription } from "#doors/infrastructure.ts";
import { startLabProcess } from "#doors/lab-process.ts";
import { readConfig } from "#platform/config.ts";
import { createLog } from "#platform/log.ts";
import { freePort } from "./free-port.ts";
import { openTriggerSite } from "./trigger-site.ts";

/** Fast enough for a minute, slow enough to watch. */
export const SPEED = 250;

/** Of each profile one at least: a server for a life of its own, the others for Metal3. */
const SERVERS = 8;

/** A control plane and a lab of the demo's own, on free ports and a throw-away data directory. */
export interface Site {
  readonly url: string;
  readonly key: string;
  readonly lab: LabDescription;
  readonly labUrl: string;
  /** Ends everything and leaves nothing behind. */
  close(): Promise<void>;
}

export async function openSite(engine: "embedded" | "trigger"): Promise<Site> {
  const dataDir = await mkdtemp(join(tmpdir(), "millwright-demo-"));
  const closers: (() => Promise<void>)[] = [() => rm(dataDir, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const end of closers.toReversed()) await end();
  };
  try {
    const labProcess = await startLabProcess({ port: 0, servers: SERVERS, speed: SPEED, dataDir });
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
    const { key } = plane.adminKey;
    if (key === null) throw new Error("a new installation has an admin key");
    return { url: plane.url, key, lab, labUrl: labProcess.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
