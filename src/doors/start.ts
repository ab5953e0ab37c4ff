import { readConfig } from "#platform/config.ts";
import { createLog } from "#platform/log.ts";
import { startControlPlane } from "./control-plane.ts";
import { describeLab, kubeconfigOf } from "./infrastructure.ts";
import { startLabProcess, type LabProcess } from "./lab-process.ts";
import { openStorage, takeDataDir } from "./open-database.ts";
import { paceOf } from "./pace.ts";
import { greeting } from "./serve.ts";
import { onSignals } from "./signals.ts";

/** The door `start`: the control plane, beside a lab of its own when no infrastructure is configured. */
export async function start(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.MILLWRIGHT_LOG_LEVEL);
  // Before the lab, which keeps its state there too: a second start must be refused before it has begun anything.
  const dir = takeDataDir(config);
  let lab: LabProcess | null = null;
  try {
    if (config.MILLWRIGHT_LAB_URL === undefined) {
      lab = await startLabProcess({
        port: config.MILLWRIGHT_LAB_PORT,
        servers: config.MILLWRIGHT_LAB_SERVERS,
        speed: config.MILLWRIGHT_LAB_SPEED,
        dataDir: config.MILLWRIGHT_DATA_DIR,
      });
    }
    const description = await describeLab(config.MILLWRIGHT_LAB_URL ?? lab?.url ?? "");
    const plane = await startControlPlane({
      config,
      log,
      pace: paceOf(config, description),
      kubeconfig: kubeconfigOf(config, description),
      storage: openStorage(config, dir),
    });
    const giveUp = onSignals(log, async () => {
      await plane.stop();
      await lab?.stop();
    });
    // Without its lab every run would fail, one after the other, and an operator would look for the reason in each.
    void lab?.ended.then((how) =>
      giveUp(`the lab has ended (${how}), so its control plane stops too`),
    );
    process.stdout.write(greeting(plane, description, config));
  } catch (error) {
    await lab?.stop();
    throw error;
  }
}
