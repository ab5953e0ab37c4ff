import { z } from "zod";
import { type Child, startChild } from "./child.ts";

/** A lab in a process of its own, and its control API. */

const LabBmc = z.object({
  name: z.string(),
  vendor: z.string(),
  model: z.string(),
  address: z.string(),
  username: z.string(),
  password: z.string(),
  fingerprint256: z.string(),
});
export type LabBmc = z.infer<typeof LabBmc>;

const LabImage = z.object({
  name: z.string(),
  url: z.string(),
  format: z.enum(["iso", "live-iso", "raw"]),
  checksum: z.string(),
  checksumType: z.string(),
});
export type LabImage = z.infer<typeof LabImage>;

const Index = z.object({
  bmcs: z.array(LabBmc),
  images: z.array(LabImage),
  kubernetes: z.object({ url: z.string(), kubeconfig: z.string() }),
});

const Effect = z.object({
  id: z.number(),
  at: z.string(),
  target: z.string(),
  action: z.string(),
  detail: z.record(z.string(), z.unknown()),
  key: z.string().optional(),
});
/** One change of the world, as the lab saw it. */
export type Effect = z.infer<typeof Effect>;

const Effects = z.array(Effect);
const Snapshot = z.object({
  machines: z.record(z.string(), z.record(z.string(), z.unknown())),
  kubernetes: z.record(z.string(), z.unknown()),
});
const Sessions = z.object({ count: z.number() });

/** What `POST /_lab/faults` takes. */
export interface LabFault {
  readonly target?: string;
  readonly path?: string;
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly status?: number;
  readonly delayMs?: number;
  readonly cut?: "before" | "after";
  readonly times?: number;
}

export interface Lab {
  readonly child: Child;
  readonly url: string;
  /** Healthy machines first, in the order of the profiles, then one per named fault. */
  readonly bmcs: readonly LabBmc[];
  readonly images: readonly LabImage[];
  /** The kubeconfig of its API server. */
  readonly kubeconfig: string;
  bmc(ending: string): LabBmc;
  image(format: LabImage["format"]): LabImage;
  /** Adds a machine; the ending of its name may name a fault. */
  add(name: string, profile?: string): Promise<LabBmc>;
  /** The world without clocks and counters: equal worlds are equal. */
  snapshot(name: string): Promise<Record<string, unknown>>;
  /** Its Kubernetes objects in the same manner, by `<Kind>.<group> <namespace>/<name>`. */
  objects(): Promise<Readonly<Record<string, unknown>>>;
  effects(name?: string): Promise<readonly Effect[]>;
  sessions(name: string): Promise<number>;
  fault(fault: LabFault): Promise<void>;
  clearFaults(): Promise<void>;
  /** Any other question: `bmcs/<name>/restart` and the like. */
  post(path: string, body?: object): Promise<unknown>;
}

export interface LabOptions {
  readonly servers: number;
  readonly speed: number;
  readonly dataDir: string;
  readonly namedFaults?: boolean;
}

export async function startLab(options: LabOptions): Promise<Lab> {
  const child = startChild({
    door: "lab/main.ts",
    args: [
      "--port=0",
      `--data-dir=${options.dataDir}`,
      `--servers=${options.servers}`,
      `--speed=${options.speed}`,
      `--named-faults=${options.namedFaults === true ? "yes" : "no"}`,
    ],
  });
  const [, url = ""] = await child.says(/control\s+(\S+)\/_lab/);
  const ask = async (path: string, init?: RequestInit): Promise<unknown> => {
    const response = await fetch(`${url}/_lab${path}`, init);
    const body: unknown = await response.json();
    if (!response.ok) throw new Error(`the lab answers ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
  const post = (path: string, body: object = {}): Promise<unknown> =>
    ask(`/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const { bmcs, images, kubernetes } = Index.parse(await ask(""));
  return {
    child,
    url,
    bmcs,
    images,
    kubeconfig: kubernetes.kubeconfig,
    bmc(ending) {
      const found = bmcs.find(({ name }) => name.endsWith(ending));
      if (found === undefined) throw new Error(`the lab has no machine …${ending}`);
      return found;
    },
    image(format) {
      const found = images.find((image) => image.format === format);
      if (found === undefined) throw new Error(`the lab has no ${format}`);
      return found;
    },
    add: async (name, profile) =>
      LabBmc.parse(await post("bmcs", { name, ...(profile !== undefined && { profile }) })),
    async snapshot(name) {
      const machine = Snapshot.parse(await ask(`/snapshot?prefix=${name}`)).machines[name];
      if (machine === undefined) throw new Error(`the lab has no machine ${name}`);
      return machine;
    },
    objects: async () => Snapshot.parse(await ask("/snapshot")).kubernetes,
    effects: async (name) =>
      Effects.parse(await ask(name === undefined ? "/effects" : `/effects?target=${name}`)),
    sessions: async (name) => Sessions.parse(await ask(`/bmcs/${name}/sessions`)).count,
    fault: async (fault) => void (await post("faults", fault)),
    clearFaults: async () => void (await post("faults", { clear: true })),
    post,
  };
}
