import type { SecretId } from "#contract/ids.ts";
import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

/**
 * Where the management clusters are and how to be let in: the text of a kubeconfig, files of that form (several paths separated as in
 * `PATH`; of two contexts with one name the first file's counts), or the service account of the pod that we run in.
 */
export type KubeconfigSource = { readonly text: string } | { readonly path: string } | "in-cluster";

export interface KubernetesTimeouts {
  /** From its turn to the last byte of the answer, credentials included, and a second asking with fresh ones. */
  readonly callMs: number;
  /** How long a call may wait for its turn at a management cluster. */
  readonly turnMs: number;
  /** How long a write that nobody waits for any more may still be carried out. */
  readonly lateMs: number;
}

export const defaultTimeouts: KubernetesTimeouts = {
  callMs: 15_000,
  turnMs: 60_000,
  // The API server's own limit on a request (--request-timeout) unless it was given another.
  lateMs: 60_000,
};

/** Everything that the Kubernetes drivers take from outside. */
export interface KubernetesOptions {
  readonly kubeconfig: KubeconfigSource;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ n < 1; spreads the pauses before a refused write is tried on the newest object. */
  readonly random: () => number;
  /** The text of a sealed secret. What it returns never appears in a log, an error or an address. */
  readonly reveal: (secret: SecretId) => Promise<string>;
  readonly timeouts?: Partial<KubernetesTimeouts>;
  /** Calls to one management cluster at the same time. */
  readonly concurrency?: number;
}

export const defaultConcurrency = 8;

/** How long it is remembered which groups an API server serves: operators are installed now and then. */
export const groupsForMs = 30_000;

/** How often the kubeconfig is read anew, at most, because its management cluster is not found as it says. */
export const rereadMs = 10_000;

/** Lists come in pages; a page of 500 hosts with all their hardware has under 2 MB. */
export const pageSize = 500;
export const maxPages = 1_000;
export const maxBodyBytes = 64 * 1024 * 1024;
