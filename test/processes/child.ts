import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A process of the program as it ships, started, watched and ended by its id. */

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly hasEnded: () => boolean;
  readonly stdout: () => string;
  readonly stderr: () => string;
  signal(signal: NodeJS.Signals): void;
  /** The first match in what it says to people; rejects with its complaints when it ends without. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface ChildOptions {
  /** The door, relative to the repository. */
  readonly door: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Enough of the end of a log for a failure's message. */
const keptCharacters = 200_000;

/** Nothing of the tester's own configuration may reach what is tested. */
const ownEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !entry[0].startsWith("MILLWRIGHT_"),
    ),
  );

const living = new Set<ChildProcess>();
// A test runner that ends early must leave nothing behind.
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export const startChild = ({ door, args, env = {} }: ChildOptions): Child =>
  startCommand(process.execPath, [door, ...args], env);

/** Any program, started in the repository. */
export function startCommand(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Child {
  const child = spawn(program, [...args], {
    cwd: root,
    env: { ...ownEnvironment(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  living.add(child);
  const said = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (text: Buffer) => {
      said[name] = `${said[name]}${text.toString()}`.slice(-keptCharacters);
      for (const listener of listeners) listener();
    });
  let end: Ended | null = null;
  const ended = new Promise<Ended>((resolve) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
      living.delete(child);
      end = { code, signal };
      for (const listener of listeners) listener();
      resolve(end);
    };
    // `close` comes after all output was read.
    child.once("close", finish);
    child.once("error", () => finish(null, null));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    hasEnded: () => end !== null,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    signal: (signal) => void child.kill(signal),
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(said.stdout);
          if (match === null && end === null) return;
          listeners.delete(look);
          if (match !== null) resolve(match);
          else
            reject(
              new Error(
                `${args[0]} ended (${JSON.stringify(end)}) and said: ${said.stderr.trim()}`,
              ),
            );
        };
        listeners.add(look);
        look();
      }),
  };
}

/** Ends it however it stands, a stopped process included. */
export async function endChild(child: Child): Promise<void> {
  if (child.hasEnded()) return;
  child.signal("SIGKILL");
  await child.ended;
}
