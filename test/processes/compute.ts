import { request } from "node:https";
import { z } from "zod";
import type { Run } from "#contract/run.ts";
import type { Effect, Lab } from "./lab.ts";

/** Clusters and virtual machines as a customer asks for them, and the management cluster as its operator sees it. */

const computePath = "/v1/regions/local/projects/default/compute";
export const clustersPath = `${computePath}/clusters`;
export const vmsPath = `${computePath}/vms`;
export const clusterPath = (id: string): string => `${clustersPath}/${id}`;
export const vmPath = (id: string): string => `${vmsPath}/${id}`;

/** The request for a small cluster of machines that are only objects. */
export const clusterBody = (name: string, more: object = {}): Record<string, unknown> => ({
  name,
  kubernetesVersion: "v1.33.9",
  class: "lab-virtual",
  controlPlane: { replicas: 1 },
  nodePools: [{ name: "workers", nodeCount: 1 }],
  ...more,
});

/** The request for a small virtual machine with one disk. */
export const vmBody = (name: string, more: object = {}): Record<string, unknown> => ({
  name,
  cpus: 1,
  memory: "1Gi",
  disks: [{ name: "root", size: "2Gi", image: "https://images.example/debian-13.qcow2" }],
  ...more,
});

/** What `POST /_lab/kubernetes/faults` takes. */
export interface KubernetesFault {
  readonly path?: string;
  readonly method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  readonly delayMs?: number;
  readonly cut?: "before" | "after";
  readonly rubbish?: true;
  readonly times?: number;
}

export interface ManagementCluster {
  /** Its objects that have the name or one made from it. */
  of(name: string): Promise<Readonly<Record<string, unknown>>>;
  effectsOf(name: string): Promise<readonly Effect[]>;
  fault(fault: KubernetesFault): Promise<void>;
  clearFaults(): Promise<void>;
  /** The API server goes away and comes back. */
  restart(): Promise<void>;
  /** What somebody else does there, with kubectl or with an operator of theirs; the status and the object. */
  ask(
    method: string,
    path: string,
    options?: { readonly body?: object; readonly contentType?: string },
  ): Promise<{ readonly status: number; readonly body: unknown }>;
}

export const clusterObject = (name: string): string =>
  `/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters/${name}`;
export const vmObject = (name: string): string =>
  `/apis/kubevirt.io/v1/namespaces/default/virtualmachines/${name}`;

const Kubeconfig = z.object({
  clusters: z.tuple([
    z.object({
      cluster: z.object({ server: z.string(), "certificate-authority-data": z.string() }),
    }),
  ]),
  users: z.array(z.object({ user: z.object({ token: z.string() }) })).min(1),
});

export function managementCluster(lab: Lab): ManagementCluster {
  const { clusters, users } = Kubeconfig.parse(JSON.parse(lab.kubeconfig));
  const { server, "certificate-authority-data": authority } = clusters[0].cluster;
  const ca = Buffer.from(authority, "base64");
  const token = users[0]?.user.token ?? "";
  const isNamed = (target: string, name: string): boolean =>
    new RegExp(`/${name}(-[^/]*)?$`).test(target);
  return {
    async of(name) {
      const objects = Object.entries(await lab.objects());
      return Object.fromEntries(objects.filter(([key]) => isNamed(key, name)));
    },
    async effectsOf(name) {
      const effects = await lab.effects();
      return effects.filter(({ target }) => isNamed(target, name));
    },
    fault: async (fault) => void (await lab.post("kubernetes/faults", fault)),
    clearFaults: async () => void (await lab.post("kubernetes/faults", { clear: true })),
    restart: async () => void (await lab.post("kubernetes/faults", { restart: true })),
    ask: (method, path, { body, contentType = "application/json" } = {}) =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, "content-type": contentType };
        const asked = request(`${server}${path}`, { method, headers, ca }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.once("end", () => {
            const text = Buffer.concat(chunks).toString("utf8");
            resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as unknown });
          });
        });
        asked.once("error", reject);
        asked.end(body === undefined ? undefined : JSON.stringify(body));
      }),
  };
}

export const failedAt = (run: Run) => ({
  status: run.status,
  code: run.error?.code,
  step: run.error?.step,
});
