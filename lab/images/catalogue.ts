import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { writeIso } from "#lab/media/iso-writer.ts";

/** An installation or live image that the lab serves. The same bytes in every lab, so that its checksum can be relied on. */
export interface LabImage {
  readonly name: string;
  readonly format: "iso" | "live-iso";
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
  return blueprints.map(({ name, format, label }) => {
    const readme = `${name}: a bootable image of the Millwright lab. It holds no operating system; simulated servers act as if.\n`;
    const files = [{ name: "readme.txt", content: readme }];
    const bytes = writeIso({ label, files, isBootable: true, sizeBytes: mebibyte });
    return { name, format, bytes, checksum: createHash("sha256").update(bytes).digest("hex") };
  });
}
