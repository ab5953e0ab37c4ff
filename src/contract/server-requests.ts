import { z } from "zod";
import { BmcAddress } from "./bmc-address.ts";
import { ManagementCluster } from "./cluster-requests.ts";
import { PoolName } from "./pool.ts";
import { OnFailure } from "./server-inputs.ts";
import {
  Completion,
  Fingerprint256,
  LifecycleAction,
  ProvisionedImage,
  Provisioner,
  Tags,
  TlsMode,
} from "./server.ts";

/** The bodies of the server routes. Unknown fields are refused: a misspelt option must not be silently ignored. */

/** Time that an operating system gets to shut down before its power may be cut, and the most that can be asked for. */
export const defaultGracePeriodMs = 300_000;
export const maxGracePeriodMs = 1_800_000;

/** Most servers of one batch. */
export const maxBatchServers = 500;

/** Most characters of user data or network data; a config drive is small. */
const maxConfigCharacters = 262_144;

export const DisplayName = z.string().trim().min(1).max(128);

const Reason = z.string().trim().min(1).max(500);

/** A fingerprint as Node prints it: upper-case hex pairs with colons. */
const canonicalFingerprint = (text: string): string =>
  (text.replaceAll(":", "").toUpperCase().match(/../g) ?? []).join(":");

const Tls = z
  .strictObject({
    mode: TlsMode.default("pin"),
    fingerprint256: Fingerprint256.transform(canonicalFingerprint).optional(),
  })
  .refine((tls) => tls.fingerprint256 === undefined || tls.mode === "pin", {
    path: ["fingerprint256"],
    message: "only goes with mode pin: the other modes compare no fingerprint",
  });

export const RegisterServerBody = z
  .strictObject({
    bmcAddress: BmcAddress,
    username: z.string().min(1).max(255),
    password: z.string().min(1).max(255).meta({
      description: "Stored encrypted; never in a log, an event or an answer",
      format: "password",
    }),
    displayName: DisplayName.optional(),
    tags: Tags.default({}),
    pool: PoolName.optional(),
    tls: Tls.default({ mode: "pin" }),
    provisioner: Provisioner.default("redfish"),
    managementCluster: ManagementCluster.optional(),
    inspect: z.boolean().default(true).meta({
      description:
        "Inspect the server as soon as it is registered; without it, it is not available",
    }),
    onFailure: OnFailure.default("undo"),
  })
  .refine((body) => body.managementCluster === undefined || body.provisioner === "metal3", {
    path: ["managementCluster"],
    message: "only goes with provisioner metal3: a server under redfish has no host anywhere",
  })
  .meta({ id: "RegisterServer" });
export type RegisterServerBody = z.infer<typeof RegisterServerBody>;

export const RegisterServersBody = z
  .strictObject({ servers: z.array(RegisterServerBody).min(1).max(maxBatchServers) })
  .meta({ id: "RegisterServers" });

export const UpdateServerBody = z
  .strictObject({
    displayName: DisplayName.nullable().optional(),
    tags: Tags.optional(),
    pool: PoolName.nullable().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, "must change something")
  .meta({ id: "UpdateServer" });
export type UpdateServerBody = z.infer<typeof UpdateServerBody>;

export const InspectServerBody = z.strictObject({}).meta({ id: "InspectServer" });

const checksumLengths = { md5: 32, sha256: 64, sha512: 128 } as const;
const ChecksumType = z.enum(["md5", "sha256", "sha512"]);

const isIso = (format: string): boolean => format === "iso" || format === "live-iso";

/** Why this URL cannot be an image's; null when it can. */
function imageUrlProblem(text: string, format: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    return "must be an http or https URL";
  if (url.username !== "" || url.password !== "")
    return "must not hold a user name or password: the URL is kept in the journal and shown";
  if (isIso(format) && (url.search !== "" || url.hash !== "" || /[?=#]/.test(text)))
    return "must be a plain path without ?, = and #: several BMCs mount nothing, or something else, from such URLs";
  return null;
}

const Image = z
  .strictObject({
    url: z.string().min(1).max(2048).meta({ example: "https://images.example/debian-13.iso" }),
    format: ProvisionedImage.shape.format.meta({
      description:
        "iso: an installer that writes the disk; live-iso: runs from the medium; raw, qcow2: written by Metal3",
    }),
    checksum: z
      .string()
      .toLowerCase()
      .regex(/^[0-9a-f]+$/, "must be hexadecimal")
      .optional(),
    checksumType: ChecksumType.optional().meta({
      description: "Told by the checksum's length when left out",
    }),
  })
  .check((context) => {
    const { url, format, checksum, checksumType } = context.value;
    const refuse = (field: string, message: string): void => {
      context.issues.push({ code: "custom", message, path: [field], input: context.value });
    };
    const problem = imageUrlProblem(url, format);
    if (problem !== null) refuse("url", problem);
    if (checksum === undefined) {
      if (checksumType !== undefined) refuse("checksumType", "needs a checksum beside it");
      return;
    }
    if (checksumType === undefined) {
      if (!Object.values<number>(checksumLengths).includes(checksum.length))
        refuse("checksum", "must have 32 (md5), 64 (sha256) or 128 (sha512) hex digits");
    } else if (checksum.length !== checksumLengths[checksumType])
      refuse(
        "checksum",
        `must have ${checksumLengths[checksumType]} hex digits for ${checksumType}`,
      );
  })
  .transform(({ url, format, checksum, checksumType }): ProvisionedImage => ({
    url,
    format,
    checksum: checksum ?? null,
    checksumType: checksumType ?? checksumTypeOf(checksum),
  }));

function checksumTypeOf(checksum: string | undefined): string | null {
  return ChecksumType.options.find((type) => checksumLengths[type] === checksum?.length) ?? null;
}

const ConfigText = z.string().min(1).max(maxConfigCharacters);

export const ProvisionServerBody = z
  .strictObject({
    image: Image,
    completion: Completion.optional(),
    userData: ConfigText.optional().meta({
      description: "cloud-init user data for the config drive; stored encrypted",
    }),
    networkData: ConfigText.optional().meta({
      description: "cloud-init network configuration for the config drive; stored encrypted",
    }),
    onFailure: OnFailure.default("undo"),
  })
  .refine((body) => body.image.format !== "live-iso" || body.completion !== "power-off", {
    path: ["completion"],
    message: "cannot be power-off for a live-iso: a live system is meant to keep running",
  })
  .meta({ id: "ProvisionServer" });
export type ProvisionServerBody = z.infer<typeof ProvisionServerBody>;

export const ServerLifecycleBody = z
  .strictObject({
    action: LifecycleAction,
    force: z.boolean().default(false).meta({
      description:
        "power-off and reboot: cut the power when the operating system has not shut down in the grace period",
    }),
    gracePeriodMs: z.number().int().min(0).max(maxGracePeriodMs).default(defaultGracePeriodMs),
    reason: Reason.optional(),
  })
  .refine((body) => body.force || body.gracePeriodMs > 0, {
    path: ["gracePeriodMs"],
    message: "can be 0 only with force: without it there would be nothing left to do",
  })
  .meta({ id: "ServerLifecycle" });
export type ServerLifecycleBody = z.infer<typeof ServerLifecycleBody>;

export const DecommissionServerQuery = z
  .strictObject({
    skipErase: z
      .enum(["true", "false"])
      .default("false")
      .transform((text) => text === "true")
      .meta({ description: "Leave the disks as they are; needs a reason" }),
    reason: Reason.optional(),
  })
  .refine((query) => !query.skipErase || query.reason !== undefined, {
    path: ["reason"],
    message: "must be given when the disks are not erased: it stands in the server's record",
  });
export type DecommissionServerQuery = z.infer<typeof DecommissionServerQuery>;
