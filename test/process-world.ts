import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "./processes/api.ts";
import { type Child, endChild } from "./processes/child.ts";
import {
  type ControlPlane,
  type Environment,
  adminKeyOf,
  beginControlPlane,
  readyControlPlane,
} from "./processes/control-plane.ts";
import { type Lab, startLab } from "./processes/lab.ts";
import { copyDatabase } from "./processes/prepared-database.ts";

/**
 * The program as it ships: a lab and control planes as processes of their own, on loopback, any port and throw-away
 * data directories, reached over HTTP and by signals. `close` ends whatever is still there, also after a failed test.
 */
export interface ProcessWorld {
  readonly lab: Lab;
  /** A new directory, removed at the end. */
  folder(): string;
  /** A new data directory with an embedded database in it: the first start on it is as quick as any other. */
  dataDir(): Promise<string>;
  /** What a control plane of this world is configured with; `more` wins. */
  env(dataDir: string, more?: Environment): Environment;
  start(env: Environment): Promise<ControlPlane>;
  /** Starts without waiting. */
  begin(env: Environment): Child;
  api(plane: ControlPlane, dataDir: string): Api;
  /** Registers something to be closed before the processes. */
  onClose(close: () => unknown): void;
  close(): Promise<void>;
}

export interface ProcessWorldOptions {
  readonly servers: number;
  readonly speed: number;
  readonly namedFaults?: boolean;
}

export async function openProcessWorld(options: ProcessWorldOptions): Promise<ProcessWorld> {
  const folders: string[] = [];
  const children: Child[] = [];
  const closers: (() => unknown)[] = [];
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), "millwright-e2e-"));
    folders.push(made);
    return made;
  };
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
    for (const child of children.toReversed()) await endChild(child);
    for (const made of folders) rmSync(made, { recursive: true, force: true });
  };
  const begin = (env: Environment): Child => {
    const child = beginControlPlane(env);
    children.push(child);
    return child;
  };
  try {
    const lab = await startLab({ ...options, dataDir: folder() });
    children.push(lab.child);
    return {
      lab,
      folder,
      async dataDir() {
        const made = folder();
        await copyDatabase(made);
        return made;
      },
      env: (dataDir, more = {}) => ({
        MILLWRIGHT_PORT: "0",
        MILLWRIGHT_DATA_DIR: dataDir,
        MILLWRIGHT_LAB_URL: lab.url,
        ...more,
      }),
      start: (env) => readyControlPlane(begin(env)),
      begin,
      api: (plane, dataDir) =>
        new Api({
          origin: () => plane.url,
          key: adminKeyOf(dataDir),
          complaints: () => complaintsOf(plane.child),
        }),
      onClose: (closer) => closers.push(closer),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The end of what a process logged, for the message of a failure. */
export const complaintsOf = (child: Child): string =>
  `\n--- the log of process ${child.pid} ends:\n${child.stderr().slice(-4_000)}`;
