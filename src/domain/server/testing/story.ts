import type { Inventory } from "#contract/inventory.ts";
import type { ServerLifecycleInput, ServerProvisionInput } from "#contract/server-inputs.ts";
import type { LifecycleAction, ServerFact } from "#contract/server.ts";
import { serverModel } from "#domain/server/model.ts";
import type { ServerState } from "#domain/server/state.ts";
import { idBody, ResourceStory } from "#domain/testing/story.ts";

/** A server's life told for tests. */

export const serverId = `srv_${idBody(1)}`;
export const secretId = `sec_${idBody(1)}`;

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

export class Story extends ResourceStory<ServerState, ServerFact> {
  constructor() {
    super(serverModel);
  }

  get server(): ServerState | null {
    return this.state;
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
