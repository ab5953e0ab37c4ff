import { z } from "zod";
import { KubernetesPlace, Problem } from "./cluster.ts";
import { failureCodes } from "./failures.ts";
import { Instant, RunId, SecretId, VmId } from "./ids.ts";
import { WorkflowType } from "./run.ts";

export const VmLifecycleState = z.enum([
  "creating",
  "running",
  "stopped",
  "paused",
  "deleting",
  "deleted",
  "error",
]);
export type VmLifecycleState = z.infer<typeof VmLifecycleState>;

/** What `POST …/vms/{id}/power` can ask for. */
export const VmPowerAction = z.enum(["start", "stop", "restart", "pause", "unpause"]);
export type VmPowerAction = z.infer<typeof VmPowerAction>;

/** Everything that can be asked of a virtual machine that exists. */
export const VmAction = z.enum([...VmPowerAction.options, "delete"]);
export type VmAction = z.infer<typeof VmAction>;

/** A Kubernetes quantity of bytes. */
export const Bytes = z
  .string()
  .regex(/^[1-9][0-9]{0,12}(Mi|Gi|Ti)$/, "must be a size like 4Gi (Mi, Gi or Ti)")
  .meta({ example: "4Gi" });

export const VmDisk = z.object({
  name: z.string(),
  size: Bytes,
  image: z.string().nullable().meta({
    description:
      "What the disk is filled with: an http(s) URL of a disk image or docker://… ; null: an empty disk",
  }),
  boot: z.boolean(),
});
export type VmDisk = z.infer<typeof VmDisk>;

/** What was asked for when the virtual machine was created. */
export const VmSpec = z.object({
  name: z.string(),
  place: KubernetesPlace,
  cpus: z.number().int(),
  memory: Bytes,
  disks: z.array(VmDisk),
  networks: z.array(z.string()).meta({
    description: "Names of NetworkAttachmentDefinitions; empty: the pod network",
  }),
  userData: SecretId.nullable(),
  running: z.boolean().meta({
    description:
      "What the creation asked for: to be started as soon as it is there. How it is now says `state`",
  }),
});
export type VmSpec = z.infer<typeof VmSpec>;

const { userData: _userData, ...publicSpec } = VmSpec.shape;

/** The public virtual machine. */
export const Vm = z
  .object({
    id: VmId,
    region: z.string(),
    project: z.string(),
    ...publicSpec,
    state: VmLifecycleState,
    error: z.object({ code: z.enum(failureCodes), message: z.string(), run: RunId }).nullable(),
    problems: z.array(Problem).meta({
      description:
        "What it was last seen to complain of; while a run waits, what has passed stays for some minutes",
    }),
    actions: z.array(VmAction),
    activeRunId: RunId.nullable(),
    node: z.string().nullable().meta({ description: "The node that it runs on" }),
    addresses: z.array(z.string()),
    createdAt: Instant,
    updatedAt: Instant,
    links: z.object({ self: z.string(), runs: z.string(), events: z.string() }),
  })
  .meta({ id: "Vm" });
export type Vm = z.infer<typeof Vm>;

/** How a virtual machine is when nobody works on it. */
export const VmPower = z.enum(["running", "stopped", "paused"]);
export type VmPower = z.infer<typeof VmPower>;

/** Every fact of a virtual machine's stream, by type. */
export const vmFacts = {
  "vm.requested": z.object({ vm: VmId, region: z.string(), project: z.string(), spec: VmSpec }),
  "vm.run_began": z.object({
    run: RunId,
    workflow: WorkflowType,
    action: VmPowerAction.nullable().meta({ description: "Of a `vm.power` run" }),
    state: VmLifecycleState.nullable(),
  }),
  "vm.run_ended": z.object({
    run: RunId,
    status: z.enum(["completed", "failed", "cancelled"]),
    error: z
      .object({
        code: z.enum(failureCodes),
        message: z.string(),
        restorable: z.boolean(),
        held: z.literal(true).optional(),
      })
      .nullable(),
  }),
  "vm.creation_undone": z.object({}),
  "vm.problems_seen": z.object({ problems: z.array(Problem) }),
  "vm.created": z.object({}),
  "vm.power_changed": z.object({
    power: VmPower,
    node: z.string().nullable(),
    addresses: z.array(z.string()),
  }),
  "vm.restarted": z.object({ node: z.string().nullable(), addresses: z.array(z.string()) }),
  "vm.deleted": z.object({
    disksKept: z.boolean(),
    disksLost: z
      .array(z.string())
      .optional()
      .meta({ description: "Those that were to be kept and are gone all the same" }),
  }),
} as const;

export type VmFactType = keyof typeof vmFacts;
export type VmFact = {
  [T in VmFactType]: { readonly type: T; readonly data: z.infer<(typeof vmFacts)[T]> };
}[VmFactType];
