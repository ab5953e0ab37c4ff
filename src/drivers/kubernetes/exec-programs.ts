import { AsyncLocalStorage } from "node:async_hooks";
import { spawn, type SpawnOptions } from "node:child_process";
import type { KubeConfig } from "@kubernetes/client-node";

/**
 * The `exec` programs of kubeconfigs are started by client-node, which waits for them for ever and has no way to end them. What starts
 * them is a field of its authenticator, though not one of its public ones; where a later version has it no more, a program that
 * hangs is given up on and left alone.
 */

/** For whom a program is started: ended when it aborts. */
const asking = new AsyncLocalStorage<AbortSignal>();

/** Programs that `work` starts are killed when the signal aborts. */
export const endedWith = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
  asking.run(signal, work);

/** Lets the programs that the kubeconfig names be ended. */
export const withEndablePrograms = (config: KubeConfig): KubeConfig => {
  for (const authenticator of config["authenticators"]) {
    if ("execFn" in authenticator) authenticator.execFn = start;
  }
  return config;
};

const start = (command: string, args: readonly string[] | undefined, options: SpawnOptions) => {
  const signal = asking.getStore();
  return spawn(command, args ?? [], {
    ...options,
    // One that hangs need not heed anything gentler.
    killSignal: "SIGKILL",
    ...(signal === undefined ? {} : { signal }),
  });
};
