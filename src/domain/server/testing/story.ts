import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { Inventory } from "#contract/inventory.ts";
import type { WorkflowType } from "#contract/run.ts";
import type { ServerLifecycleInput, ServerProvisionInput } from "#contract/server-inputs.ts";
import type { LifecycleAction, ServerFact } from "#contract/server.ts";
import type { RunEnd } from "#domain/resource-model.ts";
import { serverModel } from "#domain/server/model.ts";
import type { ServerState } from "#domain/server/state.ts";

/** A server's life told for tests: what happened, which runs began and how they ended. */

const body = (n: number): string => String(n).padStart(26, "0");
export const runId = (n: number): RunId => `run_${body(n)}`;
export const serverId = `srv_${body(1)}`;
export const secretId = `sec_${body(1)}`;

export const registerInput = {
  serverId,
  region: "local",
  project: "default",
  bmcAddress: "https://10.0.0.5",
  credentials: secretId,
  tls: { mode: "pin", fingerprint256: null },
  displayName: "springfield-7g",
  tags: { rack: "a12" },
  pool: null,
  provisioner: "redfish",
  inspect: true,
  onFailure: "undo",
} as const;

export const debian = {
  url: "https://images.example/debian-13.iso",
  format: "iso",
  checksum: null,
  checksumType: null,
} as const;

export const provisionInput: ServerProvisionInput = {
  serverId,
  image: debian,
  completion: null,
  userData: null,
  networkData: null,
  onFailure: "undo",
};

export const installation = {
  image: debian,
  completion: null,
  userData: null,
  networkData: null,
} as const;

export const lifecycleInput = (action: LifecycleAction): ServerLifecycleInput => ({
  serverId,
  action,
  force: false,
  gracePeriodMs: 300_000,
  reason: null,
  reprovision: action === "reprovision" ? installation : null,
});

export const emptyInventory: Inventory = {
  system: {
    uuid: "4c4c4544-0047-4a10-8056-b4c04f303033",
    serial: "7GJV033",
    manufacturer: "Springfield",
    model: "Reactor 7",
    sku: null,
    assetTag: null,
    hostName: null,
    biosVersion: "1.0",
    bootMode: "UEFI",
    power: "on",
    health: "healthy",
    processorCount: 0,
    coreCount: 0,
    memoryBytes: 0,
  },
  bmc: {
    vendor: "dell",
    model: null,
    firmwareVersion: null,
    redfishVersion: "1.17.0",
    uuid: null,
  },
  processors: [],
  gpus: [],
  memory: [],
  drives: [],
  networkInterfaces: [],
  powerSupplies: [],
  sensors: [],
  firmware: [],
  notSeen: [],
  oddities: [],
};

export const inspected = (inventory: Inventory = emptyInventory): ServerFact => ({
  type: "server.inspected",
  data: { inventory, health: "healthy", healthReasons: [], changes: [] },
});

/** How a run can end, as far as the server cares. */
export const ends = {
  completed: { status: "completed", cleanup: "none", attention: null, error: null },
  undone: {
    status: "failed",
    cleanup: "complete",
    attention: null,
    error: { code: "BMC_CONNECTION_FAILED", message: "no answer" },
  },
  cancelled: { status: "cancelled", cleanup: "complete", attention: null, error: null },
  pastPivot: {
    status: "failed",
    cleanup: "none",
    attention: {
      code: "STEP_TIMEOUT",
      message: "await-install took too long",
      step: "await-install",
      done: [],
      notDone: [],
      waysOut: [],
    },
    error: { code: "STEP_TIMEOUT", message: "await-install took too long" },
  },
  held: {
    status: "failed",
    cleanup: "held",
    attention: {
      code: "BMC_REJECTED",
      message: "held for diagnosis",
      step: "insert-media",
      done: [],
      notDone: [],
      waysOut: [],
    },
    error: { code: "BMC_REJECTED", message: "the BMC refused the medium" },
  },
} as const satisfies Record<string, Omit<RunEnd, "run" | "workflow" | "abandoned">>;

export type EndKind = keyof typeof ends;

export class Story {
  server: ServerState | null = null;
  #at = Date.parse("2026-03-02T08:00:00.000Z");
  #runs = 0;
  readonly #workflows = new Map<RunId, WorkflowType>();
  /** Everything that happened, in order. */
  readonly facts: ServerFact[] = [];

  happened(run: RunId | null, ...facts: readonly ServerFact[]): this {
    for (const fact of facts) {
      this.#at += 1_000;
      this.server = serverModel.evolve(this.server, { ...fact, at: this.#at, run });
      this.facts.push(fact);
    }
    return this;
  }

  /** What the server answers to a request; nothing has begun. */
  ask(workflow: WorkflowType, input: unknown, parent: RunId | null = null) {
    return serverModel.admit(this.server, { workflow, run: runId(this.#runs + 1), input, parent });
  }

  begin(workflow: WorkflowType, input: unknown, parent: RunId | null = null): RunId {
    const answer = this.ask(workflow, input, parent);
    if (answer instanceof Failure) throw answer;
    this.#runs += 1;
    const run = runId(this.#runs);
    this.#workflows.set(run, workflow);
    this.happened(run, ...answer);
    return run;
  }

  end(run: RunId, kind: EndKind, changes: Partial<RunEnd> = {}): this {
    const workflow = this.#workflows.get(run);
    if (workflow === undefined) throw new Error(`${run} never began`);
    const end: RunEnd = { run, workflow, abandoned: false, ...ends[kind], ...changes };
    return this.happened(run, ...serverModel.settle(this.server, end));
  }

  /** A server that is registered and inspected, so `available`. */
  available(): this {
    const run = this.begin("server.register", registerInput);
    this.happened(run, { type: "server.registered", data: {} }, inspected());
    return this.end(run, "completed");
  }

  /** A server with an operating system. */
  ready(): this {
    this.available();
    const run = this.begin("server.provision", provisionInput);
    this.happened(run, { type: "server.provisioned", data: installation });
    return this.end(run, "completed");
  }
}
