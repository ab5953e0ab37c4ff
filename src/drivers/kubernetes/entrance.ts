import { Agent as HttpAgent, type Agent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { Failure } from "#contract/failures.ts";
import { endedWith } from "./exec-programs.ts";
import { type Ended, endedBy, onEnd, type Patience } from "./patience.ts";
import { brokenCall } from "./unavailable.ts";

/** How one call reaches the API server of a context. */
export interface Access {
  /** Its address; may end in a path, as behind a proxy of several clusters. */
  readonly server: URL;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly auth: string | null;
}

/** One management cluster's door. */
export interface Entrance {
  /** Credentials are asked for each time, so that tokens that live in files or come from a program are the newest. */
  access(patience: Patience): Promise<Access>;
  /** Reads everything anew: the server has refused what we had. */
  reload(): void;
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
        reject(notUsable("the kubeconfig's credentials cannot be used", error));
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

/** `load` reads the kubeconfig and chooses the context in it. */
export const createEntrance = (load: () => KubeConfig): Entrance => {
  let config = load();
  let agent: Agent | null = null;

  const close = (): void => {
    agent?.destroy();
    agent = null;
  };

  /** client-node's own agent opens a connection for each call; ours keeps them, except where a proxy needs its agent. */
  const agentFor = (options: RequestOptions): Agent => {
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

  return {
    async access(patience) {
      const cluster = config.getCurrentCluster();
      if (cluster === null) throw notUsable("the kubeconfig's context names no cluster");
      const server = URL.parse(cluster.server);
      if (server === null) throw notUsable("the kubeconfig's cluster has no usable address");
      const options = await credentialsOf(config, patience);
      agent ??= agentFor(options);
      const headers = Object.entries(options.headers ?? {}).map(
        ([name, value]) => [name, String(value)] as const,
      );
      return {
        server,
        agent,
        headers: Object.fromEntries(headers),
        auth: options.auth ?? null,
      };
    },
    reload() {
      config = load();
      close();
    },
    close,
  };
};
