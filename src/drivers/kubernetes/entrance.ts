import { readFileSync } from "node:fs";
import { Agent as HttpAgent, type Agent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { Failure } from "#contract/failures.ts";
import { endedWith } from "./exec-programs.ts";
import { rereadMs } from "./options.ts";
import { type Ended, endedBy, onEnd, type Patience } from "./patience.ts";
import { brokenCall } from "./unavailable.ts";

/** How one call reaches the API server of a context. */
export interface Access {
  /** Its address; may end in a path, as behind a proxy of several clusters. */
  readonly server: URL;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly auth: string | null;
  /** Of the kubeconfig as it was read for the so many-th time. */
  readonly generation: number;
}

/** One management cluster's door. */
export interface Entrance {
  /** Credentials are asked for each time, so that tokens that live in files or come from a program are the newest. */
  access(patience: Patience): Promise<Access>;
  /**
   * Reads everything anew, because the server has refused what the generation gave; does nothing when there is a newer one. Throws
   * KUBERNETES_REJECTED with the reason `kubeconfig`, and leaves what there was, when it cannot be read: it may just be being written.
   */
  reload(generation: number): void;
  /**
   * The same because nobody was found as the generation says, but not more often than each `rereadMs`. Whether there is now something
   * that says otherwise: only then is it worth another try.
   */
  reread(generation: number, nowMs: number): boolean;
  close(): void;
}

export const notUsable = (message: string, cause?: unknown): Failure =>
  new Failure("KUBERNETES_REJECTED", message, {
    details: { reason: "kubeconfig" },
    ...(cause === undefined ? {} : { cause }),
  });

/** The address, the TLS and the credentials of one call, no longer waited for than that; a program that gives them is ended then. */
const credentialsOf = (config: KubeConfig, patience: Patience): Promise<RequestOptions> =>
  new Promise((resolve, reject) => {
    const ended = endedBy(patience);
    if (ended !== null) {
      reject(notInTime(ended));
      return;
    }
    const stop = new AbortController();
    const forget = onEnd(patience, (why) => {
      stop.abort();
      reject(notInTime(why));
    });
    const options: RequestOptions = {};
    endedWith(stop.signal, () => config.applyToHTTPSOptions(options)).then(
      () => {
        forget();
        resolve(options);
      },
      (error: unknown) => {
        forget();
        reject(
          new Failure("KUBERNETES_UNAVAILABLE", "the kubeconfig's credentials cannot be used", {
            details: { reason: "credentials" },
            cause: error,
          }),
        );
      },
    );
  });

const notInTime = (why: Ended): Failure =>
  why === "aborted"
    ? brokenCall(why)
    : new Failure(
        "KUBERNETES_UNAVAILABLE",
        "the program or service that gives us credentials did not do so in time",
        { details: { reason: "credentials" } },
      );

/** client-node's own agent opens a connection for each call; ours keeps them, except where a proxy needs its agent. */
const agentFor = (config: KubeConfig, options: RequestOptions): Agent => {
  const cluster = config.getCurrentCluster();
  if (cluster?.proxyUrl !== undefined && options.agent instanceof HttpAgent) return options.agent;
  if (cluster?.server.startsWith("http:") === true) return new HttpAgent({ keepAlive: true });
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  return new HttpsAgent({
    keepAlive: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  });
};

/** Keeps no connection any more: idle ones end now, those in use with their calls. */
const retire = (agent: Agent): void => {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
};

/** A kubeconfig as it was read, and the connections that were made by it. */
interface Generation {
  readonly number: number;
  readonly config: KubeConfig;
  /** Everything that it said, files included. */
  readonly said: string;
  agent: Agent | null;
}

/** What it says of cluster and user, with what stands in the files that it names. */
const saidBy = (config: KubeConfig): string => {
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  const files = [cluster?.caFile, user?.certFile, user?.keyFile];
  return JSON.stringify([cluster, user, ...files.map(textOf)]);
};

/** Null for what cannot be read: the call says so when it needs it. */
const textOf = (path: string | undefined): string | null => {
  try {
    return path === undefined ? null : readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

/** `load` reads the kubeconfig and chooses the context in it. */
export const createEntrance = (load: () => KubeConfig): Entrance => {
  const read = (number: number): Generation => {
    const config = load();
    return { number, config, said: saidBy(config), agent: null };
  };

  let newest = read(1);
  let rereadAt = Number.NEGATIVE_INFINITY;

  const next = (): Generation => {
    const generation = read(newest.number + 1);
    if (generation.config.getCurrentCluster() === null)
      throw notUsable("the kubeconfig does not have this context any more");
    return generation;
  };

  const replaceBy = (generation: Generation): void => {
    if (newest.agent !== null) retire(newest.agent);
    newest = generation;
  };

  return {
    async access(patience) {
      const ours = newest;
      const cluster = ours.config.getCurrentCluster();
      if (cluster === null) throw notUsable("the kubeconfig's context names no cluster");
      const server = URL.parse(cluster.server);
      if (server === null) throw notUsable("the kubeconfig's cluster has no usable address");
      if (server.protocol === "http:" && cluster.skipTLSVerify !== true)
        throw notUsable("the kubeconfig's address is http: without insecure-skip-tls-verify");
      const options = await credentialsOf(ours.config, patience);
      ours.agent ??= agentFor(ours.config, options);
      // It was replaced while its credentials came.
      if (ours !== newest) retire(ours.agent);
      const headers = Object.entries(options.headers ?? {}).map(
        ([name, value]) => [name, String(value)] as const,
      );
      return {
        server,
        agent: ours.agent,
        headers: Object.fromEntries(headers),
        auth: options.auth ?? null,
        generation: ours.number,
      };
    },
    reload(generation) {
      if (generation !== newest.number) return;
      replaceBy(next());
    },
    reread(generation, nowMs) {
      if (generation !== newest.number) return true;
      if (nowMs - rereadAt < rereadMs) return false;
      rereadAt = nowMs;
      const fresh = next();
      if (fresh.said === newest.said) return false;
      replaceBy(fresh);
      return true;
    },
    close() {
      newest.agent?.destroy();
      newest.agent = null;
    },
  };
};
