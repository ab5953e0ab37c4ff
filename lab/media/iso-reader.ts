import type { Buffer } from "node:buffer";
import { sectorBytes } from "./iso-writer.ts";

/** Reads part of an image. Rejects when the image ends before. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

export interface IsoVolume {
  readonly label: string;
  /** True when firmware would find an El Torito boot record. */
  readonly isBootable: boolean;
  /** Text of a file in the root folder, undefined when there is none of this name. */
  readonly readText: (name: string) => Promise<string | undefined>;
}

interface Descriptor {
  readonly rootAt: number;
  readonly rootLength: number;
  readonly isJoliet: boolean;
}

const firstDescriptorAt = 16;
const mostDescriptors = 16;
/** Nobody writes a config file or a root folder of this size; a broken length field might say so. */
const longestReadBytes = 1024 * 1024;

/**
 * Opens an ISO 9660 image and finds its files by the names their writer meant: from Joliet, else from Rock Ridge, else
 * from the plain record, whose limits (`META_DAT.;1`) are then forgiven. Undefined when the bytes are no ISO 9660 volume.
 */
export async function openIso(readAt: ReadAt): Promise<IsoVolume | undefined> {
  let label: string | undefined;
  let isBootable = false;
  let plain: Descriptor | undefined;
  let joliet: Descriptor | undefined;
  for (let index = 0; index < mostDescriptors; index += 1) {
    const sector = await readAt((firstDescriptorAt + index) * sectorBytes, sectorBytes);
    if (sector.toString("latin1", 1, 6) !== "CD001") break;
    const type = sector[0];
    if (type === 255) break;
    if (type === 0) isBootable ||= sector.toString("latin1", 7, 30) === "EL TORITO SPECIFICATION";
    if (type === 1) {
      label = sector.toString("latin1", 40, 72).trimEnd();
      plain = descriptor(sector, false);
    }
    if (type === 2 && isJolietEscape(sector.toString("latin1", 88, 91)))
      joliet = descriptor(sector, true);
  }
  const root = joliet ?? plain;
  if (label === undefined || root === undefined) return undefined;
  return { label, isBootable, readText: (name) => readText(readAt, root, name) };
}

function isJolietEscape(sequence: string): boolean {
  return sequence === "%/@" || sequence === "%/C" || sequence === "%/E";
}

function descriptor(sector: Buffer, isJoliet: boolean): Descriptor {
  return {
    rootAt: sector.readUInt32LE(156 + 2),
    rootLength: sector.readUInt32LE(156 + 10),
    isJoliet,
  };
}

async function readText(
  readAt: ReadAt,
  root: Descriptor,
  wanted: string,
): Promise<string | undefined> {
  const folder = await readAt(
    root.rootAt * sectorBytes,
    Math.min(root.rootLength, longestReadBytes),
  );
  let at = 0;
  while (at < folder.length) {
    const length = folder[at] ?? 0;
    if (length === 0) {
      // Records do not cross sectors: the rest of this one is filling.
      at = (Math.floor(at / sectorBytes) + 1) * sectorBytes;
      continue;
    }
    const record = folder.subarray(at, at + length);
    at += length;
    const isFolder = ((record[25] ?? 0) & 2) !== 0;
    if (isFolder || !namesMatch(record, root.isJoliet, wanted)) continue;
    const fileLength = Math.min(record.readUInt32LE(10), longestReadBytes);
    if (fileLength === 0) return "";
    return (await readAt(record.readUInt32LE(2) * sectorBytes, fileLength)).toString("utf8");
  }
  return undefined;
}

function namesMatch(record: Buffer, isJoliet: boolean, wanted: string): boolean {
  const nameLength = record[32] ?? 0;
  const raw = record.subarray(33, 33 + nameLength);
  if (isJoliet) {
    const swapped = raw.subarray(0, raw.length - (raw.length % 2));
    return withoutVersion(bigEndianText(swapped)) === wanted;
  }
  const rockRidge = rockRidgeName(record, 33 + nameLength + (nameLength % 2 === 0 ? 1 : 0));
  if (rockRidge !== undefined) return rockRidge === wanted;
  const plain = withoutVersion(raw.toString("latin1"));
  return plain.toLowerCase() === wanted || plain.toUpperCase() === dosName(wanted);
}

/** Joliet names are UCS-2, big-endian. */
function bigEndianText(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2)
    text += String.fromCharCode(bytes.readUInt16BE(at));
  return text;
}

function rockRidgeName(record: Buffer, systemUseAt: number): string | undefined {
  let name: string | undefined;
  let at = systemUseAt;
  while (at + 4 <= record.length) {
    const length = record[at + 2] ?? 0;
    if (length < 4) break;
    if (record.toString("latin1", at, at + 2) === "NM") {
      name = (name ?? "") + record.toString("utf8", at + 5, at + length);
    }
    at += length;
  }
  return name;
}

function withoutVersion(name: string): string {
  return name.replace(/;\d+$/, "").replace(/\.$/, "");
}

/** `meta-data` becomes `META_DAT`: eight characters of the plain alphabet. */
function dosName(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "_")
    .slice(0, 8);
}
