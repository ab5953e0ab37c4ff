import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunId } from "#contract/ids.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import { createKubernetes, type Kubernetes } from "#drivers/kubernetes/kubernetes.ts";
import { clusterApi } from "#lab/kubernetes/behaviours/cluster-api/operators.ts";
import { k0rdent } from "#lab/kubernetes/behaviours/k0rdent/operators.ts";
import { seedObjects } from "#lab/kubernetes/behaviours/seed.ts";
import { cdi, kubevirt } from "#lab/kubernetes/behaviours/kubevirt/kubevirt.ts";
import type { NewObject } from "#lab/kubernetes/behaviours/behaviour.ts";
import { type CustomResource, readCrdFolder } from "#lab/kubernetes/schema/crd.ts";
import { type TryCluster, tryCluster } from "#lab/kubernetes/try-cluster.ts";
import { systemClock } from "#platform/clock.ts";

export const namespace = "default";
export const userData = "#cloud-config\nhostname: sesame-4711\n";

const crds = "../shared/crds";

/** The operators' own definitions; empty where the folder ../shared is absent, and then the lab's looser ones hold. */
export const officialKinds = (): readonly CustomResource[] =>
  existsSync(crds)
    ? ["cluster-api", "k0rdent-kcm", "kubevirt", "cdi", "metal3-baremetal-operator"].flatMap(
        (folder) => {
          const path = join(crds, folder);
          return readdirSync(path).length === 0 ? [] : readCrdFolder(path);
        },
      )
    : [];

/** The lab's API server with its operators, and our drivers on it. */
export interface KubernetesWorld {
  readonly lab: TryCluster;
  readonly ours: Kubernetes;
  readonly logged: readonly string[];
  /** Creates what a person would create with kubectl. */
  plant(object: NewObject): Promise<void>;
  end(): Promise<void>;
}

const pathOf = ({ apiVersion, kind, metadata }: NewObject): string => {
  const root = apiVersion.includes("/") ? "/apis" : "/api";
  return `${root}/${apiVersion}/namespaces/${metadata.namespace ?? namespace}/${kind.toLowerCase()}s`;
};

export const startWorld = async (): Promise<KubernetesWorld> => {
  const lab = await tryCluster({
    behaviours: [...clusterApi, ...k0rdent, kubevirt, cdi],
    crds: officialKinds(),
    seeds: seedObjects(namespace),
    speed: 1200,
  });
  const logged: string[] = [];
  const ours = await createKubernetes({
    kubeconfig: { text: lab.cluster.kubeconfig },
    clock: systemClock,
    log: (level, event, fields) => logged.push(JSON.stringify({ level, event, ...fields })),
    random: Math.random,
    reveal: () => Promise.resolve(userData),
    timeouts: { callMs: 5000 },
  });
  const plant = async (object: NewObject): Promise<void> => {
    const told = await lab.ask("POST", pathOf(object), { body: object });
    if (told.status !== 201) throw new Error(`${pathOf(object)}: ${told.status} ${told.text}`);
  };
  return {
    lab,
    ours,
    logged,
    plant,
    async end() {
      ours.close();
      await lab.end();
    },
  };
};

export const run: RunId = "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH";

export const writing = (): KubernetesWrite => ({
  signal: AbortSignal.timeout(60_000),
  run,
  key: `${run}/step`,
});

/** Looks until what is seen is right; fails with what was seen last. */
export const until = async <T>(
  look: () => Promise<T>,
  isRight: (seen: T) => boolean,
): Promise<T> => {
  const deadline = AbortSignal.timeout(40_000);
  for (;;) {
    const seen = await look();
    if (isRight(seen)) return seen;
    if (deadline.aborted) throw new Error(`never came: ${JSON.stringify(seen, null, 1)}`);
    await sleep(20);
  }
};

export const outcome = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    (value) => `done ${JSON.stringify(value)}`,
    (error: { readonly code?: string; readonly details?: { readonly reason?: string } }) =>
      `${error.code ?? String(error)} ${error.details?.reason ?? ""}`.trim(),
  );
