import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { writeIso } from "#lab/media/iso-writer.ts";

/** An installation, live or disk image that the lab serves. The same bytes in every lab, so that its checksum can be relied on. */
export interface LabImage {
  readonly name: string;
  /** With its ending. */
  readonly file: string;
  readonly format: "iso" | "live-iso" | "raw";
  readonly bytes: Buffer;
  /** SHA-256, lower-case hexadecimal. */
  readonly checksum: string;
}

const mebibyte = 1024 * 1024;

const blueprints = [
  { name: "debian-13-installer", format: "iso", label: "DEBIAN_13_INSTALLER" },
  { name: "ubuntu-24.04-installer", format: "iso", label: "UBUNTU_2404_INSTALLER" },
  { name: "diagnostics-live", format: "live-iso", label: "DIAGNOSTICS_LIVE" },
] as const;

export function buildImages(): readonly LabImage[] {
  return [...blueprints.map(builtIso), diskImage("debian-13")];
}

function builtIso({ name, format, label }: (typeof blueprints)[number]): LabImage {
  const readme = `${name}: a bootable image of the Millwright lab. It holds no operating system; simulated servers act as if.\n`;
  const files = [{ name: "readme.txt", content: readme }];
  const bytes = writeIso({ label, files, isBootable: true, sizeBytes: mebibyte });
  return { name, file: `${name}.iso`, format, bytes, checksum: sha256(bytes) };
}

/** What Metal3 writes on a disk as it is: here the boot signature of a master boot record and nothing else. */
function diskImage(name: string): LabImage {
  const bytes = Buffer.alloc(mebibyte);
  bytes.writeUInt16LE(0xaa55, 510);
  return { name, file: `${name}.raw`, format: "raw", bytes, checksum: sha256(bytes) };
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
