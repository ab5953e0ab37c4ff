import { z } from "zod";
import { KubernetesPlace } from "./cluster.ts";
import { SecretId, ServerId } from "./ids.ts";
import {
  Completion,
  Installation,
  LifecycleAction,
  ProvisionedImage,
  Provisioner,
  Tags,
  TlsMode,
} from "./server.ts";

/**
 * The inputs of the server workflows as the journal keeps them: everything that a retry needs, with ids and
 * defaults filled in. Passwords, user data and network data may hold secrets and are references here.
 */

export const OnFailure = z.enum(["undo", "hold"]).meta({
  description:
    "What becomes of partial state when the run fails before its pivot: undo takes it back; hold keeps it for diagnosis, and the resource stays locked until a person undoes, retries or abandons",
});

export const ServerRegisterInput = z.object({
  serverId: ServerId,
  region: z.string(),
  project: z.string(),
  bmcAddress: z.string().meta({ description: "An origin, https://host[:port]" }),
  credentials: SecretId,
  tls: z.object({ mode: TlsMode, fingerprint256: z.string().nullable() }),
  displayName: z.string().nullable(),
  tags: Tags,
  pool: z.string().nullable(),
  provisioner: Provisioner,
  host: KubernetesPlace.nullable()
    .default(null)
    .meta({ description: "Where Metal3's host is kept; null under redfish" }),
  inspect: z.boolean(),
  onFailure: OnFailure,
});
export type ServerRegisterInput = z.infer<typeof ServerRegisterInput>;

export const ServerInspectInput = z.object({ serverId: ServerId });
export type ServerInspectInput = z.infer<typeof ServerInspectInput>;

export const ServerProvisionInput = z.object({
  serverId: ServerId,
  image: ProvisionedImage,
  completion: Completion.nullable(),
  userData: SecretId.nullable(),
  networkData: SecretId.nullable(),
  onFailure: OnFailure,
});
export type ServerProvisionInput = z.infer<typeof ServerProvisionInput>;

export const ServerLifecycleInput = z.object({
  serverId: ServerId,
  action: LifecycleAction,
  force: z.boolean().meta({
    description: "Cut the power when the operating system has not shut down in the grace period",
  }),
  gracePeriodMs: z.number().int().nonnegative(),
  reason: z.string().nullable(),
  reprovision: Installation.nullable().meta({
    description: "What `reprovision` installs: the server's last installation; null for others",
  }),
});
export type ServerLifecycleInput = z.infer<typeof ServerLifecycleInput>;

export const ServerDecommissionInput = z.object({
  serverId: ServerId,
  skipErase: z.boolean(),
  reason: z.string().nullable(),
});
export type ServerDecommissionInput = z.infer<typeof ServerDecommissionInput>;
