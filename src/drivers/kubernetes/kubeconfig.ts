import { Agent as HttpAgent, type Agent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import { delimiter } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { Failure } from "#contract/failures.ts";
import type { KubeconfigSource } from "./options.ts";

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
  access(): Promise<Access>;
  /** Reads everything anew: the server has refused what we had. */
  reload(): Promise<void>;
  close(): void;
}

export interface Kubeconfig {
  readonly contexts: readonly string[];
  readonly current: string;
  entrance(context: string): Entrance;
}

type Loader = () => KubeConfig;

/** What client-node calls the context that it makes of a service account, and what a place calls it. */
const inCluster = "in-cluster";

const notUsable = (message: string, cause?: unknown): Failure =>
  new Failure("KUBERNETES_REJECTED", message, {
    details: { reason: "kubeconfig" },
    ...(cause === undefined ? {} : { cause }),
  });

/**
 * Loads a kubeconfig. Certificates, tokens, `exec` programs and proxies are client-node's; it is loaded only here and only when a management
 * cluster is configured, because it takes half a second and 90 MB. Throws KUBERNETES_REJECTED with the reason `kubeconfig`.
 */
export const loadKubeconfig = async (source: KubeconfigSource): Promise<Kubeconfig> => {
  const { KubeConfig: Config } = await import("@kubernetes/client-node");
  const loaders: Loader[] =
    source === inCluster
      ? [
          () => {
            const config = new Config();
            config.loadFromCluster();
            return config;
          },
        ]
      : "text" in source
        ? [
            () => {
              const config = new Config();
              config.loadFromString(source.text);
              return config;
            },
          ]
        : source.path
            .split(delimiter)
            .filter((path) => path !== "")
            .map((path) => () => {
              const config = new Config();
              config.loadFromFile(path);
              return config;
            });

  const known = new Map<string, { readonly load: Loader; readonly name: string }>();
  let current: string | null = null;
  for (const load of loaders) {
    const config = loaded(load);
    const nameOf = (name: string): string => (source === inCluster ? inCluster : name);
    for (const { name } of config.getContexts()) {
      if (!known.has(nameOf(name))) known.set(nameOf(name), { load, name });
    }
    const preferred = config.getCurrentContext();
    if (current === null && known.has(nameOf(preferred))) current = nameOf(preferred);
  }
  const [first] = known.keys();
  if (first === undefined) throw notUsable("the kubeconfig has no context");

  return {
    contexts: [...known.keys()],
    current: current ?? first,
    entrance(context) {
      const found = known.get(context);
      if (found === undefined) {
        throw new Failure(
          "KUBERNETES_REJECTED",
          `the kubeconfig has no context ${context}: this management cluster is not configured any more`,
          { details: { reason: "unknown-management-cluster", managementCluster: context } },
        );
      }
      return createEntrance(() => {
        const config = loaded(found.load);
        config.setCurrentContext(found.name);
        return config;
      });
    },
  };
};

const loaded = (load: Loader): KubeConfig => {
  try {
    return load();
  } catch (error) {
    throw notUsable("the kubeconfig cannot be read", error);
  }
};

const createEntrance = (load: Loader): Entrance => {
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
    async access() {
      const cluster = config.getCurrentCluster();
      if (cluster === null) throw notUsable("the kubeconfig's context names no cluster");
      const server = URL.parse(cluster.server);
      if (server === null) throw notUsable("the kubeconfig's cluster has no usable address");
      const options: RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(options);
      } catch (error) {
        throw notUsable("the kubeconfig's credentials cannot be used", error);
      }
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
    async reload() {
      config = load();
      close();
    },
    close,
  };
};
