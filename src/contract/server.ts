import { z } from "zod";
import { KubernetesPlace, Problem } from "./cluster.ts";
import { failureCodes } from "./failures.ts";
import { ClusterId, Instant, PoolId, RunId, SecretId, ServerId } from "./ids.ts";
import { Health, Inventory, PowerState } from "./inventory.ts";
import { WorkflowType } from "./run.ts";

export const ServerLifecycleState = z.enum([
  "registering",
  "registered",
  "inspecting",
  "available",
  "provisioning",
  "ready",
  "deprovisioning",
  "decommissioned",
  "error",
  "maintenance",
]);
export type ServerLifecycleState = z.infer<typeof ServerLifecycleState>;

/** What `POST …/servers/{id}/lifecycle` can ask for. */
export const LifecycleAction = z.enum([
  "power-on",
  "power-off",
  "reboot",
  "power-cycle",
  "reset-bmc",
  "identify-led-on",
  "identify-led-off",
  "enter-maintenance",
  "exit-maintenance",
  "reprovision",
  "deprovision",
]);
export type LifecycleAction = z.infer<typeof LifecycleAction>;

/** Everything that can be asked of a registered server. */
export const ServerAction = z.enum([
  "inspect",
  "provision",
  "decommission",
  ...LifecycleAction.options,
]);
export type ServerAction = z.infer<typeof ServerAction>;

export const Tags = z
  .record(z.string().min(1).max(63), z.string().max(255))
  .meta({ description: "Free labels; at most 64", example: { rack: "a12" } })
  .refine((tags) => Object.keys(tags).length <= 64, "at most 64 tags");

export const TlsMode = z.enum(["pin", "ca", "insecure"]).meta({
  description:
    "pin: trust the certificate seen first and only that one; ca: the system's authorities; insecure: any",
});

export const Fingerprint256 = z
  .string()
  .regex(/^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, "must be a SHA-256 fingerprint: 32 hex pairs")
  .meta({ description: "SHA-256 of the certificate, hex pairs with or without colons" });

export const Provisioner = z.enum(["redfish", "metal3"]);

export const ProvisionedImage = z.object({
  url: z.string(),
  format: z.enum(["iso", "live-iso", "raw", "qcow2"]),
  checksum: z.string().nullable(),
  checksumType: z.string().nullable(),
});
export type ProvisionedImage = z.infer<typeof ProvisionedImage>;

export const Completion = z.enum(["callback", "boot-progress", "power-off"]).meta({
  description:
    "How the end of an installation is known. callback: the installer posts to the address on its config drive; boot-progress: the machine is seen starting the installed system; power-off: the installer switches the machine off",
});
export type Completion = z.infer<typeof Completion>;

/** What an installation was made of, so that `reprovision` can repeat it. Secrets are references. */
export const Installation = z.object({
  image: ProvisionedImage,
  completion: Completion.nullable().meta({ description: "As asked for; null: left to Millwright" }),
  userData: SecretId.nullable(),
  networkData: SecretId.nullable(),
});
export type Installation = z.infer<typeof Installation>;

/** That a cluster has a server. */
export const Allocation = z.object({
  cluster: ClusterId,
  pool: PoolId.meta({ description: "The pool that the server was drawn from" }),
  group: z.string().meta({
    description: "The node pool that it works for; `control-plane` for the control plane",
  }),
  run: RunId.meta({ description: "The run that drew it, or took it over by a retry" }),
  state: z.enum(["reserved", "used"]).meta({
    description: "reserved: that run is still under way; used: it ended well",
  }),
  since: Instant.meta({ description: "When the cluster got it" }),
});
export type Allocation = z.infer<typeof Allocation>;

/** The public server. Lists and single reads show the same object; the inventory has its own address. */
export const Server = z
  .object({
    id: ServerId,
    region: z.string(),
    project: z.string(),
    displayName: z.string().nullable(),
    tags: Tags,
    pool: z.string().nullable().meta({
      description: "The pool whose list it is on; pools may also find servers by their tags",
    }),
    allocation: Allocation.nullable().meta({
      description:
        "The cluster that has this server; null: none. The server's `state` stays what it was (`available`): it is the cluster's provider that installs and switches it, so this is where to look",
    }),
    provisioner: Provisioner,
    host: KubernetesPlace.extend({ name: z.string() })
      .nullable()
      .meta({ description: "The BareMetalHost by which Metal3 manages it; null under redfish" }),
    state: ServerLifecycleState,
    power: PowerState.meta({
      description:
        "As Millwright last saw or switched it. Unknown from when a cluster draws the server, whose operators switch it by themselves, until the next power action or inspection",
    }),
    health: Health,
    healthReasons: z.array(z.string()),
    error: z
      .object({ code: z.enum(failureCodes), message: z.string(), run: RunId })
      .nullable()
      .meta({ description: "What put the server into `error`, and the run that tells the story" }),
    problems: z.array(Problem).meta({
      description: "What Metal3 complained of when it was last looked at; it may have passed",
    }),
    actions: z.array(ServerAction).meta({
      description: "What may be asked of the server now; nothing while a run has it",
    }),
    activeRunId: RunId.nullable().meta({
      description:
        "The run that has this server: it is changing it now, or it failed and is held, until it is undone, retried or abandoned",
    }),
    bmc: z.object({
      address: z.string(),
      tls: z.object({ mode: TlsMode, fingerprint256: z.string().nullable() }),
      vendor: z.string().nullable(),
      model: z.string().nullable(),
      firmwareVersion: z.string().nullable(),
    }),
    uuid: z.string().nullable(),
    serial: z.string().nullable(),
    manufacturer: z.string().nullable(),
    model: z.string().nullable(),
    image: ProvisionedImage.nullable().meta({ description: "What the server was installed with" }),
    indicator: z.enum(["on", "off", "unknown"]).meta({ description: "The identify light" }),
    maintenance: z
      .object({ reason: z.string().nullable(), since: Instant })
      .nullable()
      .meta({ description: "Set while the server is kept out of use on purpose" }),
    erase: z
      .object({
        state: z.enum(["erased", "not erased"]),
        method: z.string().nullable(),
        reason: z.string().nullable(),
        at: Instant,
      })
      .nullable(),
    inspectedAt: Instant.nullable(),
    createdAt: Instant,
    updatedAt: Instant,
    links: z.object({
      self: z.string(),
      inventory: z.string(),
      runs: z.string(),
      events: z.string(),
    }),
  })
  .meta({ id: "Server" });
export type Server = z.infer<typeof Server>;

/** A difference between two inspections: a part that is there, is missing, or changed. */
export const InventoryChange = z.object({
  kind: z.enum(["appeared", "missing", "changed"]),
  part: z.enum([
    "processor",
    "gpu",
    "memory",
    "drive",
    "network-interface",
    "power-supply",
    "firmware",
    "system",
  ]),
  id: z.string(),
  description: z.string(),
});
export type InventoryChange = z.infer<typeof InventoryChange>;

/**
 * Every fact of a server's stream, by type. The run that caused it stands in the event's `meta.causation`.
 * What a run did to the state is told by two facts around the others: `run_began` and `run_ended`.
 */
export const serverFacts = {
  "server.requested": z.object({
    server: ServerId,
    region: z.string(),
    project: z.string(),
    displayName: z.string().nullable(),
    tags: Tags,
    pool: z.string().nullable(),
    provisioner: Provisioner,
    host: KubernetesPlace.nullable()
      .optional()
      .meta({ description: "Where Metal3's host of it is kept; null or absent under redfish" }),
    bmcAddress: z.string(),
    tls: z.object({ mode: TlsMode, fingerprint256: z.string().nullable() }),
    credentials: SecretId,
  }),
  "server.run_began": z.object({
    run: RunId,
    workflow: WorkflowType,
    action: LifecycleAction.nullable().meta({ description: "Of a `server.lifecycle` run" }),
    state: ServerLifecycleState.nullable().meta({
      description: "What the server shows while the run lasts, null when it shows no difference",
    }),
  }),
  "server.run_ended": z.object({
    run: RunId,
    status: z.enum(["completed", "failed", "cancelled"]),
    error: z
      .object({
        code: z.enum(failureCodes),
        message: z.string(),
        restorable: z.boolean().meta({
          description: "The run's undo, asked for later, may still bring back the state before",
        }),
        held: z
          .literal(true)
          .optional()
          .meta({ description: "The run keeps the server's lock until it is undone or retried" }),
      })
      .nullable()
      .meta({ description: "Set when the run leaves the server in `error`" }),
  }),
  "server.identified": z.object({
    uuid: z.string().nullable(),
    serial: z.string().nullable(),
    manufacturer: z.string().nullable(),
    model: z.string().nullable(),
    fingerprint256: z
      .string()
      .nullable()
      .meta({ description: "The pinned certificate; null when none is pinned" }),
    bmc: z.object({
      vendor: z.string().nullable(),
      model: z.string().nullable(),
      firmwareVersion: z.string().nullable(),
    }),
  }),
  "server.registered": z.object({}),
  "server.registration_undone": z.object({}),
  "server.updated": z.object({
    displayName: z.string().nullable().optional(),
    tags: Tags.optional(),
    pool: z.string().nullable().optional(),
  }),
  "server.inspected": z.object({
    inventory: Inventory,
    health: Health,
    healthReasons: z.array(z.string()),
    changes: z.array(InventoryChange),
  }),
  "server.part_appeared": InventoryChange,
  "server.part_missing": InventoryChange,
  "server.part_changed": InventoryChange,
  "server.power_changed": z.object({ power: PowerState }),
  "server.problems_seen": z
    .object({ problems: z.array(Problem) })
    .meta({ description: "Written when what is complained of changes; empty: nothing any more" }),
  "server.reserved": z.object({ run: RunId, image: ProvisionedImage }),
  "server.reservation_released": z.object({ run: RunId }),
  "server.provisioned": Installation,
  "server.deprovisioned": z.object({
    erased: z.boolean().meta({ description: "False: what was on the disks still is" }),
    method: z.string().nullable(),
  }),
  "server.maintenance_entered": z.object({ reason: z.string().nullable() }),
  "server.maintenance_exited": z.object({}),
  "server.indicator_set": z.object({ on: z.boolean() }),
  "server.bmc_reset": z.object({}),
  "server.erased": z.object({
    method: z.string().nullable().meta({ description: "Null when the drives' methods differ" }),
    drives: z.array(
      z.object({
        serial: z.string().nullable(),
        driveId: z.string(),
        method: z.string(),
        proof: z.string().nullable().meta({ description: "The BMC's words on how it ended" }),
      }),
    ),
  }),
  "server.erase_skipped": z.object({ reason: z.string() }),
  "server.decommissioned": z.object({ erased: z.boolean() }),
  "server.allocated": z.object({
    cluster: ClusterId,
    pool: PoolId,
    group: z.string(),
    run: RunId.meta({
      description: "The run that drew it; another one by the next fact if a retry takes it over",
    }),
  }),
  "server.allocation_confirmed": z.object({ cluster: ClusterId }),
  "server.allocation_released": z.object({ cluster: ClusterId, run: RunId }),
} as const;

export type ServerFactType = keyof typeof serverFacts;
export type ServerFact = {
  [T in ServerFactType]: { readonly type: T; readonly data: z.infer<(typeof serverFacts)[T]> };
}[ServerFactType];
