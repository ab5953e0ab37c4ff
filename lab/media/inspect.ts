import type { InstallConfig } from "#lab/world/machine.ts";
import type { MediaFinding } from "#lab/world/phases.ts";
import type { IsoVolume } from "./iso-reader.ts";
import { openIso } from "./iso-reader.ts";
import { openRemoteImage } from "./remote-image.ts";

/** The volume label by which NoCloud config drives are found (cloud-init accepts both cases). */
const configLabel = "cidata";

/**
 * Reads the image in one slot as the host's firmware and an installer would: a NoCloud volume is a config drive, one
 * with a boot record starts (a live system when its label says so, else an installer), anything else is of no use.
 */
export async function inspectMedium(slot: string, url: string): Promise<MediaFinding> {
  try {
    const image = await openRemoteImage(url);
    const volume = await openIso(image.readAt);
    if (volume === undefined) return { slot, kind: "unusable", reason: "not an ISO 9660 image" };
    if (volume.label.toLowerCase() === configLabel)
      return { slot, kind: "config", config: await readConfig(volume) };
    if (!volume.isBootable)
      return { slot, kind: "unusable", reason: `volume ${volume.label} is not bootable` };
    const isLive = /\blive\b/i.test(volume.label.replaceAll("_", " "));
    return { slot, kind: isLive ? "live" : "installer", os: systemName(volume.label) };
  } catch (error) {
    return {
      slot,
      kind: "unusable",
      reason: error instanceof Error ? error.message : String(error),
    };
  }
}

/** `DEBIAN_13_INSTALLER` installs `debian-13`. */
function systemName(label: string): string {
  return label
    .toLowerCase()
    .replaceAll("_", "-")
    .replace(/-installer$/, "");
}

/** NoCloud's meta-data is YAML, of which JSON is a part; only JSON with a `millwright` object means anything here. */
async function readConfig(volume: IsoVolume): Promise<InstallConfig | null> {
  const text = await volume.readText("meta-data");
  if (text === undefined) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const ours = property(parsed, "millwright");
  if (ours === undefined) return null;
  const callbackUrl = property(ours, "callbackUrl");
  const completion = property(ours, "completion");
  return {
    callbackUrl: typeof callbackUrl === "string" ? callbackUrl : null,
    completion:
      completion === "callback" || completion === "power-off" ? completion : "boot-progress",
  };
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
