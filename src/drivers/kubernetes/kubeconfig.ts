import { delimiter } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { Failure } from "#contract/failures.ts";
import { createEntrance, type Entrance, notUsable } from "./entrance.ts";
import { withEndablePrograms } from "./exec-programs.ts";
import type { KubeconfigSource } from "./options.ts";

export interface Kubeconfig {
  readonly contexts: readonly string[];
  readonly current: string;
  entrance(context: string): Entrance;
}

type Loader = () => KubeConfig;

/** What client-node calls the context that it makes of a service account, and what a place calls it. */
const inCluster = "in-cluster";

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
    return withEndablePrograms(load());
  } catch (error) {
    throw notUsable(`the kubeconfig cannot be read${fileTrouble(error)}`, error);
  }
};

/** What is wrong with the file itself. What a parser says may quote credentials. */
const fileTrouble = (error: unknown): string =>
  error instanceof Error && "syscall" in error ? `: ${error.message}` : "";
