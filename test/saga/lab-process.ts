import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** A lab in a process of its own, asked only over HTTP, like any other user of it. */

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

const LabIndex = z.object({
  bmcs: z.array(LabBmc),
  kubernetes: z.object({ kubeconfig: z.string() }).nullable(),
  images: z.array(
    z.object({
      name: z.string(),
      url: z.string(),
      format: z.enum(["iso", "live-iso", "raw"]),
      checksum: z.string(),
    }),
  ),
});

const Effects = z.array(
  z.object({
    target: z.string(),
    action: z.string(),
    detail: z.record(z.string(), z.unknown()),
    key: z.string().optional(),
  }),
);
export type Effect = z.infer<typeof Effects>[number];

const Sessions = z.object({ count: z.number() });

const Snapshot = z.object({ machines: z.record(z.string(), z.unknown()) });

export interface LabProcess {
  readonly url: string;
  /** Of its cluster; null when it was started without. */
  readonly kubeconfig: string | null;
  readonly bmcs: readonly LabBmc[];
  readonly images: readonly z.infer<typeof LabIndex>["images"][number][];
  /** Adds a machine; the profile is a vendor's id (`idrac9`, `ilo5` …), a name's ending may name a fault. */
  add(name: string, profile?: string): Promise<LabBmc>;
  /** What the machine is, in a form in which two equal worlds are equal. */
  snapshot(name: string): Promise<unknown>;
  effects(name: string): Promise<readonly Effect[]>;
  /** What happened to everything whose name begins so. */
  effectsOf(prefix: string): Promise<readonly Effect[]>;
  /** How many Redfish sessions are open at the machine's BMC. */
  sessions(name: string): Promise<number>;
  get(path: string): Promise<unknown>;
  post(path: string, body: object): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startLabProcess(options: {
  readonly speed: number;
  readonly servers: number;
  readonly namedFaults?: boolean;
}): Promise<LabProcess> {
  const folder = mkdtempSync(join(tmpdir(), "millwright-saga-"));
  const child = fork(
    "lab/main.ts",
    [
      "--port",
      "0",
      "--data-dir",
      folder,
      "--servers",
      String(options.servers),
      "--speed",
      String(options.speed),
      "--named-faults",
      options.namedFaults === true ? "yes" : "no",
    ],
    { stdio: "ignore" },
  );
  const url = await ready(child);
  const ask = (path: string, body?: object): Promise<unknown> => call(`${url}/_lab${path}`, body);
  const post = (path: string, body: object): Promise<unknown> => ask(path, body);
  const { kubernetes, ...index } = LabIndex.parse(await ask(""));
  return {
    url,
    kubeconfig: kubernetes?.kubeconfig ?? null,
    ...index,
    add: async (name, profile) =>
      LabBmc.parse(await post("/bmcs", { name, ...(profile !== undefined && { profile }) })),
    snapshot: async (name) => Snapshot.parse(await ask(`/snapshot?prefix=${name}`)).machines[name],
    effectsOf: async (prefix) => Effects.parse(await ask(`/effects?prefix=${prefix}`)),
    get: (path) => ask(path),
    effects: async (name) => Effects.parse(await ask(`/effects?target=${name}`)),
    sessions: async (name) => Sessions.parse(await ask(`/bmcs/${name}/sessions`)).count,
    post,
    async stop() {
      if (child.exitCode === null) {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.disconnect();
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** On a connection of its own: one that was kept may be closed by the lab just when it is used again. */
const call = (url: string, body?: object): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const headers = { "content-type": "application/json" };
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        if (status < 300) resolve(JSON.parse(text));
        else reject(new Error(`the lab answers ${status}: ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });

const ready = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(z.object({ url: z.string() }).parse(message).url));
    child.once("exit", (code) => reject(new Error(`the lab ended with ${code}`)));
  });
