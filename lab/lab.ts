import { writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import path from "node:path";
import { Faults } from "./bmc/fault.ts";
import { ControlServer } from "./control/server.ts";
import { Fleet, isPortTaken } from "./fleet.ts";
import type { Wanted } from "./fleet.ts";
import { buildImages } from "./images/catalogue.ts";
import { operatorsOn } from "./kubernetes/behaviours/catalogue.ts";
import { labMachines } from "./kubernetes/behaviours/metal3/lab-machines.ts";
import { seedObjects } from "./kubernetes/behaviours/seed.ts";
import { startKubernetes } from "./kubernetes/kubernetes.ts";
import type { Kubernetes } from "./kubernetes/kubernetes.ts";
import { StoreJournal } from "./kubernetes/store/journal.ts";
import { network } from "./media/network.ts";
import type { Options } from "./options.ts";
import { profileById, profiles } from "./profiles/catalogue.ts";
import { lockDirectory } from "./world/directory-lock.ts";
import type { DirectoryLock } from "./world/directory-lock.ts";
import { Journal } from "./world/journal.ts";
import { timingAt } from "./world/timing.ts";
import { namedFaults } from "./world/traits.ts";
import { World } from "./world/world.ts";

/** A running lab. */
export interface Lab {
  /** Of the control API. */
  readonly url: string;
  readonly bmcs: readonly {
    readonly name: string;
    readonly address: string;
    readonly username: string;
  }[];
  /** Null when it was not asked for. */
  readonly kubernetes: { readonly url: string; readonly kubeconfigFile: string } | null;
  /** Saves what is under way and stops listening. */
  readonly close: () => Promise<void>;
}

/** A reason for which no lab can be started, told in one line. */
export class StartError extends Error {}

/** Starts a lab, or continues the one whose state is in the data directory. Rejects with a StartError when it cannot. */
export async function startLab(options: Options): Promise<Lab> {
  // First of all: a second lab would find the ports taken, choose others, and write them over those of the first.
  const lock = await takeDirectory(options.dataDir);
  try {
    return await startLocked(options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(options: Options, lock: DirectoryLock): Promise<Lab> {
  const clock = (): number => Date.now();
  const control = new ControlServer(buildImages());
  const url = await listenControl(control, options);

  const journal = openJournal(stateFolder(options.dataDir));
  const faults = new Faults();
  const timing = timingAt(options.speed);
  const callbackDelayMs = (attempts: number): number => 250 * 2 ** attempts;
  const world = new World({ clock, journal, network, callbackDelayMs });
  const fleet = new Fleet({ world, journal, faults, clock, timing, host: options.host });
  const kept = options.hasKubernetes ? new StoreJournal(stateFolder(options.dataDir)) : null;
  const kubeconfigFile = path.join(path.resolve(stateFolder(options.dataDir)), "kubeconfig");
  let kubernetes: Kubernetes | null = null;
  const close = async (): Promise<void> => {
    await Promise.all([control.close(), fleet.close(), kubernetes?.close()]);
    world.close();
    journal.close();
    kept?.close();
    lock.release();
  };
  try {
    await fleet.addAll(wantedBmcs(options, journal));
    kubernetes =
      kept === null ? null : await startCluster(options, { clock, journal: kept, world, fleet });
  } catch (error) {
    await close();
    throw isPortTaken(error)
      ? new StartError(
          `a port from --port-base ${options.portBase} on is in use; choose another, or none for free ports`,
        )
      : error;
  }
  // For kubectl; only its owner may read it, because tokens are in it.
  if (kubernetes !== null) writeFileSync(kubeconfigFile, kubernetes.kubeconfig, { mode: 0o600 });
  control.open({ world, fleet, faults, speed: options.speed, url, kubernetes, kubeconfigFile });
  const bmcs = fleet.list().map((bmc) => ({
    name: bmc.name,
    address: control.addressOf(bmc.port),
    username: bmc.profile.account.username,
  }));
  const cluster = kubernetes === null ? null : { url: kubernetes.url, kubeconfigFile };
  return { url, bmcs, kubernetes: cluster, close };
}

interface ClusterPorts {
  readonly clock: () => number;
  readonly journal: StoreJournal;
  readonly world: World;
  readonly fleet: Fleet;
}

/** The cluster beside the machines: its changes of the world stand in the same log. */
async function startCluster(
  options: Options,
  { clock, journal, world, fleet }: ClusterPorts,
): Promise<Kubernetes> {
  const { host, speed, kubernetesPort: port } = options;
  const effects: World["note"] = (target, action, detail, key) =>
    world.note(target, action, detail, key);
  try {
    return await startKubernetes({
      host,
      port,
      clock,
      speed,
      behaviours: operatorsOn(labMachines({ world, fleet })),
      seeds: seedObjects("default"),
      journal,
      effects,
    });
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    throw new StartError(
      `--kubernetes-port ${port} is in use; choose another, or none for a free port`,
    );
  }
}

/** The healthy servers, the named faults, and what was added by hand before a restart. */
function wantedBmcs(options: Options, journal: Journal): readonly Wanted[] {
  const port = (index: number): number | null =>
    options.portBase === null ? null : options.portBase + index;
  const healthy = Array.from({ length: options.servers }, (_, index): Wanted => {
    const profile = profiles[index % profiles.length] ?? profiles[0];
    const number = String(index + 1).padStart(2, "0");
    return { name: `lab-${number}-${profile.id}`, profile, port: port(index), isAdded: false };
  });
  const faulty = (options.hasNamedFaults ? namedFaults : []).map((fault, index): Wanted => {
    const name = `lab-${fault}`;
    return { name, profile: profiles[0], port: port(options.servers + index), isAdded: false };
  });
  const taken = new Set([...healthy, ...faulty].map(({ name }) => name));
  const added = [...journal.remembered.identities.values()]
    .filter((identity) => identity.isAdded && !taken.has(identity.name))
    .map((identity): Wanted => {
      const machine = journal.remembered.machines.get(identity.name);
      const profile = profileById(machine?.profile ?? "") ?? profiles[0];
      return { name: identity.name, profile, port: null, isAdded: true };
    });
  return [...healthy, ...faulty, ...added];
}

const stateFolder = (dataDir: string): string => path.join(dataDir, "lab");

/** A lab whose parent was just killed needs a moment to end: one that follows it waits a little. */
async function takeDirectory(dataDir: string): Promise<DirectoryLock> {
  for (let attempt = 1; ; attempt += 1) {
    const lock = tryDirectory(dataDir);
    if (lock !== null) return lock;
    if (attempt === 10) {
      throw new StartError(
        `the data directory ${dataDir} is in use by another lab; stop that one, or choose another with --data-dir or MILLWRIGHT_DATA_DIR, or start a control plane for it: MILLWRIGHT_LAB_URL=http://127.0.0.1:4500 npm run serve (its control port, if that is another)`,
      );
    }
    await wait(100);
  }
}

function tryDirectory(dataDir: string): DirectoryLock | null {
  try {
    return lockDirectory(stateFolder(dataDir));
  } catch (error) {
    throw new StartError(`the data directory cannot be used: ${reason(error)}`);
  }
}

/** A lab that was just killed may hold its port for a moment: one that follows it waits a little. */
async function listenControl(control: ControlServer, options: Options): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await control.listen(options.host, options.port);
    } catch (error) {
      if (!isPortTaken(error))
        throw new StartError(`cannot listen on ${options.host}: ${reason(error)}`);
      if (attempt === 3) {
        throw new StartError(
          `port ${options.port} is in use; choose another with --port or MILLWRIGHT_LAB_PORT (0 = any)`,
        );
      }
      await wait(100);
    }
  }
}

function openJournal(folder: string): Journal {
  try {
    return new Journal(folder);
  } catch (error) {
    throw new StartError(`the data directory cannot be used: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
