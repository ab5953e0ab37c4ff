import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";

/** One process of the control plane, and the commands that work on its database while it does not run. */

export interface ControlPlane {
  readonly child: Child;
  readonly url: string;
}

export type Environment = Readonly<Record<string, string>>;

/** Starts the door without waiting: for starts that are meant to be refused. */
export const beginControlPlane = (env: Environment): Child =>
  startChild({ door: "src/main.ts", args: ["serve"], env });

/** Resolves once it is ready; rejects with its own words when it is not going to be. */
export async function readyControlPlane(child: Child): Promise<ControlPlane> {
  const [, url = ""] = await child.says(/is ready at (\S+)/);
  return { child, url };
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm run millwright -- <words>`. */
export async function command(words: readonly string[], env: Environment): Promise<CommandResult> {
  const child = startChild({ door: "src/main.ts", args: words, env });
  const { code } = await child.ended;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

export const adminKeyFile = (dataDir: string): string => join(dataDir, "admin-key");

export function adminKeyOf(dataDir: string): string {
  const file = adminKeyFile(dataDir);
  if (!existsSync(file)) throw new Error(`there is no admin key in ${dataDir}`);
  return readFileSync(file, "utf8").trim();
}
