import { z } from "zod";
import { ManagementCluster } from "./cluster-requests.ts";
import { OnFailure } from "./server-inputs.ts";
import { Bytes, VmPowerAction } from "./vm.ts";

/** The bodies of the routes of virtual machines. Unknown fields are refused: a misspelt option must not be silently ignored. */

const maxCpus = 512;
const maxDisks = 16;
const maxNetworks = 8;
/** Most characters of user data; a config drive is small. */
const maxUserDataCharacters = 262_144;

const label =
  "must be 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and ending with a letter or digit";
const VmName = z.string().regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, label);
/** Shorter than its machine's, because both stand in the name of the disk's volume. */
const DiskName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
    "must be 1 to 40 lower-case letters, digits and hyphens, beginning with a letter and ending with a letter or digit",
  );

/** Why this cannot be where a disk's content comes from; null when it can. */
function imageProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:", "docker:"].includes(url.protocol))
    return "must be an http or https URL, or docker:// and the name of an image";
  if (url.username !== "" || url.password !== "")
    return "must not hold a user name or password: the URL is kept in the journal and shown";
  return null;
}

const DiskImage = z
  .string()
  .min(1)
  .max(2048)
  .check(({ value, issues }) => {
    const message = imageProblem(value);
    if (message !== null) issues.push({ code: "custom", message, input: value });
  })
  .meta({
    description:
      "What the disk is filled with: the http(s) URL of a disk image, or docker://… ; left out: an empty disk",
  });

const Disk = z.strictObject({
  name: DiskName,
  size: Bytes,
  image: DiskImage.optional(),
  boot: z.boolean().default(false).meta({
    description: "The disk that it starts from, at most one; when none says so, it is the first",
  }),
});

const NetworkName = z
  .string()
  .max(127)
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\/)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be the name of a NetworkAttachmentDefinition, with its namespace and / before it when that is another",
  );

export const CreateVmBody = z
  .strictObject({
    name: VmName.meta({ description: "Unique at the place where its objects are kept" }),
    cpus: z.number().int().min(1).max(maxCpus),
    memory: Bytes,
    disks: z.array(Disk).min(1).max(maxDisks),
    networks: z.array(NetworkName).max(maxNetworks).default([]).meta({
      description: "Names of NetworkAttachmentDefinitions; left out: the pod network",
    }),
    userData: z
      .string()
      .min(1)
      .max(maxUserDataCharacters)
      .optional()
      .meta({ description: "cloud-init user data; stored encrypted" }),
    running: z.boolean().default(true).meta({ description: "Start it as soon as it is there" }),
    managementCluster: ManagementCluster.optional(),
    onFailure: OnFailure.default("undo"),
  })
  .check(({ value, issues }) => {
    const refuse = (path: readonly (string | number)[], message: string): void => {
      issues.push({ code: "custom", message, path: [...path], input: value });
    };
    const { disks, networks } = value;
    for (const [index, disk] of disks.entries()) {
      const first = disks.findIndex(({ name }) => name === disk.name);
      if (first !== index) refuse(["disks", index, "name"], `is that of disks[${first}] too`);
      const boots = disks.findIndex(({ boot }) => boot);
      if (disk.boot && boots !== index)
        refuse(
          ["disks", index, "boot"],
          `is said of disks[${boots}] already: one disk is started from`,
        );
    }
    for (const [index, network] of networks.entries())
      if (networks.indexOf(network) !== index)
        refuse(["networks", index], `is networks[${networks.indexOf(network)}] too`);
  })
  .meta({ id: "CreateVm" });
export type CreateVmBody = z.infer<typeof CreateVmBody>;

export const VmPowerBody = z
  .strictObject({
    action: VmPowerAction,
    force: z.boolean().default(false).meta({
      description: "stop and restart: do not wait for the guest's operating system to shut down",
    }),
  })
  .refine((body) => !body.force || body.action === "stop" || body.action === "restart", {
    path: ["force"],
    message: "goes with stop and restart only: nothing else waits for the guest",
  })
  .meta({ id: "VmPower" });
export type VmPowerBody = z.infer<typeof VmPowerBody>;

export const DeleteVmQuery = z.strictObject({
  keepDisks: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true")
    .meta({ description: "Leave the disks' volumes where they are" }),
});
export type DeleteVmQuery = z.infer<typeof DeleteVmQuery>;
