import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { RunEnd, ResourceModel } from "#domain/resource-model.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "#engine/embedded.ts";
import type { RunState } from "#engine/run-state.ts";
import { foldRun } from "#engine/run-stream.ts";
import { bindResource, type ResourceBindings } from "#engine/resources.ts";
import { workflowKit, type Wait, type Workflow } from "#engine/kit.ts";
import { migrate } from "#journal/migrate.ts";
import { openJournal, type OpenJournal } from "#journal/postgres-journal.ts";
import { systemClock } from "#platform/clock.ts";
import type { Database } from "#platform/database.ts";
import { createIds } from "#platform/ids.ts";
import type { Log } from "#platform/log.ts";

/**
 * The engine on a real database with a resource as small as can be: a lamp that remembers which run last ended. Steps
 * are given by the test.
 */

interface Lamp {
  readonly ended: readonly string[];
  readonly facts: readonly string[];
}

type LampFact =
  | { readonly type: "lamp.made"; readonly data: object }
  | { readonly type: "lamp.began"; readonly data: { run: string } }
  | { readonly type: "lamp.ended"; readonly data: { status: RunEnd["status"] } }
  | { readonly type: "lamp.lit"; readonly data: object }
  | { readonly type: "lamp.cracked" | "lamp.mended"; readonly data: object }
  | { readonly type: "lamp.gone"; readonly data: object };

const lampModel: ResourceModel<Lamp, LampFact> = {
  type: "server",
  evolve(state, fact) {
    if (fact.type === "lamp.gone") return null;
    const lamp = state ?? { ended: [], facts: [] };
    const facts = [...lamp.facts, fact.type];
    return fact.type === "lamp.ended"
      ? { facts, ended: [...lamp.ended, fact.data.status] }
      : { ...lamp, facts };
  },
  admit: (state, { run }) => [
    ...(state === null ? [{ type: "lamp.made", data: {} } as const] : []),
    { type: "lamp.began", data: { run } },
  ],
  isSound: ({ facts }) => facts.lastIndexOf("lamp.mended") >= facts.lastIndexOf("lamp.cracked"),
  settle: (state, { status }) => (state === null ? [] : [{ type: "lamp.ended", data: { status } }]),
};

export const binding = bindResource<Lamp, LampFact>({
  model: lampModel,
  table: "servers",
  smallColumns: ["body"],
  largeColumns: [],
  toColumns: (state) => ({
    region: "toy",
    project: "toy",
    state: "ready",
    power: "on",
    health: "healthy",
    bmc_address: "none",
    tags: {},
    created_at: new Date(0),
    body: state,
  }),
  fromRow: (row) => row["body"] as Lamp,
});

export const toyBindings: ResourceBindings = { server: binding };

export interface ToyPorts {
  readonly effects: string[];
}

export const toyWorkflow = workflowKit<{ ports: ToyPorts; resource: Lamp; fact: LampFact }>();

export const toyHead = (version = 1) => ({
  version,
  summary: "Does as the test says.",
  input: z.object({
    serverId: z.string(),
    onFailure: z.enum(["undo", "hold"]).default("undo"),
    note: z.string().optional(),
  }),
  resource: ({ input }: { input: { serverId: string } }) => ({
    type: "server" as const,
    id: input.serverId,
  }),
  onFailure: ({ input }: { input: { onFailure?: "undo" | "hold" | undefined } }) =>
    input.onFailure ?? "undo",
});

export interface ToyEngine {
  readonly engine: EmbeddedEngine;
  readonly journal: OpenJournal;
  readonly ports: ToyPorts;
  /** Makes a lamp and starts a workflow on it. */
  begin(workflow: Workflow["type"], input?: Readonly<Record<string, unknown>>): Promise<RunId>;
  run(id: RunId): Promise<RunState>;
  /** The run once it is at rest. */
  ended(id: RunId): Promise<RunState>;
  until(id: RunId, condition: (state: RunState) => boolean): Promise<RunState>;
  types(id: string): Promise<string[]>;
  stop(): Promise<void>;
}

export interface ToyOptions {
  readonly database: Database;
  readonly workflows: readonly Workflow[];
  readonly owner?: string;
  readonly leaseMs?: number;
  readonly pace?: number;
  readonly dead?: readonly string[];
  readonly effects?: string[];
  readonly log?: Log;
}

export async function openToyEngine(options: ToyOptions): Promise<ToyEngine> {
  await migrate(options.database);
  const journal = await openJournal(options.database);
  const ports: ToyPorts = { effects: options.effects ?? [] };
  const ids = createIds(() => Date.now());
  const engine = createEmbeddedEngine({
    database: options.database,
    journal,
    workflows: options.workflows,
    resources: toyBindings,
    ports,
    clock: systemClock,
    ids,
    random: () => 0.5,
    log: options.log ?? (() => undefined),
    region: "toy",
    pace: options.pace ?? 1_000,
    owner: options.owner ?? "toy/0",
    concurrency: 8,
    leaseMs: options.leaseMs ?? 5_000,
  });
  await engine.run(options.dead ?? []);

  const run = async (id: RunId): Promise<RunState> => {
    const state = foldRun(id, await journal.read(id));
    if (state === null) throw new Failure("NOT_FOUND", id);
    return state;
  };
  const until: ToyEngine["until"] = async (id, condition) => {
    const giveUpAt = Date.now() + 30_000;
    for (;;) {
      const state = await run(id);
      if (condition(state)) return state;
      if (Date.now() > giveUpAt)
        throw new Error(`gave up waiting for ${id}: ${JSON.stringify(state, null, 1)}`);
      await systemClock.sleep(5);
    }
  };
  return {
    engine,
    journal,
    ports,
    async begin(workflow, input = {}) {
      const serverId = ids.server();
      const { run: begun } = await engine.start({
        workflow,
        input: { serverId, ...input },
        project: "toy",
        source: "atlas",
        by: { actor: "tester" },
        facts: [],
      });
      return begun.id;
    },
    run,
    until,
    ended: (id) => until(id, (state) => state.completedAt !== null && state.undoing === null),
    types: async (id) => (await journal.read(id)).map((event) => event.type),
    async stop() {
      await engine.stop(1_000);
      await journal.close();
    },
  };
}

/** A step that notes in the effect list what it did and undid. */
export const noting = (
  name: string,
  run: (effects: string[]) => Promise<void | Wait> = async () => undefined,
) => ({
  expected: "1s" as const,
  // A minute and a half of a toy's time: a slow machine must not make a deadline of it.
  within: "24h" as const,
  run: async ({ ports }: { ports: ToyPorts }) => {
    ports.effects.push(name);
    return run(ports.effects);
  },
  undo: async ({ ports }: { ports: ToyPorts }) => {
    ports.effects.push(`undo ${name}`);
  },
});
