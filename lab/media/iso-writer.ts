import { Buffer } from "node:buffer";

/** One file of an image's root folder. */
interface IsoFile {
  /** As a reader shall see it; its ISO 9660 name is made of it by upper-casing and replacing. */
  readonly name: string;
  readonly content: string;
}

export interface IsoImage {
  /** At most 32 characters of A-Z, a-z, 0-9, `_` and `-`. */
  readonly label: string;
  readonly files: readonly IsoFile[];
  /** Adds an El Torito boot record (one "no emulation" entry), by which firmware knows a bootable CD. */
  readonly isBootable: boolean;
  /** The image is filled with zeroes up to this size. */
  readonly sizeBytes: number;
}

export const sectorBytes = 2048;

const systemAreaSectors = 16;

/**
 * Builds an ISO 9660 image (ECMA-119, second edition) with Rock Ridge names, so that lower case and hyphens survive.
 * The same input always gives the same bytes: there is no date in it.
 */
export function writeIso(image: IsoImage): Buffer {
  const descriptors = image.isBootable ? 3 : 2;
  const catalogAt = systemAreaSectors + descriptors;
  const pathTableAt = image.isBootable ? catalogAt + 1 : catalogAt;
  const rootAt = pathTableAt + 2;
  const firstFileAt = rootAt + 1;

  let nextAt = firstFileAt;
  const placed = image.files.map((file) => {
    const content = Buffer.from(file.content, "utf8");
    const at = nextAt;
    nextAt += Math.max(1, Math.ceil(content.length / sectorBytes));
    return { file, content, at };
  });
  const sectors = Math.max(nextAt, Math.ceil(image.sizeBytes / sectorBytes));
  const bytes = Buffer.alloc(sectors * sectorBytes);

  const root = directoryRecord({
    name: "\0",
    at: rootAt,
    length: sectorBytes,
    isFolder: true,
    systemUse: sharingProtocol(),
  });
  const plainRoot = directoryRecord({
    name: "\0",
    at: rootAt,
    length: sectorBytes,
    isFolder: true,
  });
  let sector = systemAreaSectors;
  primaryDescriptor({ label: image.label, sectors, pathTableAt, root: plainRoot }).copy(
    bytes,
    sector * sectorBytes,
  );
  sector += 1;
  if (image.isBootable) {
    bootRecord(catalogAt).copy(bytes, sector * sectorBytes);
    bootCatalog(firstFileAt).copy(bytes, catalogAt * sectorBytes);
    sector += 1;
  }
  bytes.write("\xffCD001\x01", sector * sectorBytes, "latin1");

  pathTable(rootAt, "little").copy(bytes, pathTableAt * sectorBytes);
  pathTable(rootAt, "big").copy(bytes, (pathTableAt + 1) * sectorBytes);

  const parent = directoryRecord({ name: "\x01", at: rootAt, length: sectorBytes, isFolder: true });
  const records = [root, parent];
  for (const { file, content, at } of placed) {
    const systemUse = alternateName(file.name);
    records.push(
      directoryRecord({
        name: shortName(file.name),
        at,
        length: content.length,
        isFolder: false,
        systemUse,
      }),
    );
    content.copy(bytes, at * sectorBytes);
  }
  Buffer.concat(records).copy(bytes, rootAt * sectorBytes);
  return bytes;
}

function primaryDescriptor(volume: {
  label: string;
  sectors: number;
  pathTableAt: number;
  root: Buffer;
}): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  sector.write("\x01CD001\x01", 0, "latin1");
  sector.fill(" ", 8, 72);
  sector.write(volume.label.slice(0, 32), 40, "latin1");
  bothEndian32(sector, 80, volume.sectors);
  bothEndian16(sector, 120, 1);
  bothEndian16(sector, 124, 1);
  bothEndian16(sector, 128, sectorBytes);
  bothEndian32(sector, 132, pathTable(0, "little").length);
  sector.writeUInt32LE(volume.pathTableAt, 140);
  sector.writeUInt32BE(volume.pathTableAt + 1, 148);
  volume.root.copy(sector, 156);
  // Volume set, publisher, preparer, application and three file identifiers: all blank.
  sector.fill(" ", 190, 813);
  for (const at of [813, 830, 847, 864]) sector.write("0000000000000000", at, "latin1");
  sector[881] = 1;
  return sector;
}

/** El Torito 1.0, figure 7. */
function bootRecord(catalogAt: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  sector.write("\0CD001\x01EL TORITO SPECIFICATION", 0, "latin1");
  sector.writeUInt32LE(catalogAt, 71);
  return sector;
}

/** A validation entry, whose 16-bit words add up to zero, and one bootable default entry without emulation. */
function bootCatalog(loadFrom: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  sector[0] = 1;
  sector.writeUInt16LE(0xaa55, 30);
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += sector.readUInt16LE(at);
  sector.writeUInt16LE(-sum & 0xffff, 28);
  sector[32] = 0x88;
  sector.writeUInt16LE(4, 38);
  sector.writeUInt32LE(loadFrom, 40);
  return sector;
}

function pathTable(rootAt: number, order: "little" | "big"): Buffer {
  const table = Buffer.alloc(10);
  table[0] = 1;
  if (order === "little") {
    table.writeUInt32LE(rootAt, 2);
    table.writeUInt16LE(1, 6);
  } else {
    table.writeUInt32BE(rootAt, 2);
    table.writeUInt16BE(1, 6);
  }
  return table;
}

function directoryRecord(entry: {
  readonly name: string;
  readonly at: number;
  readonly length: number;
  readonly isFolder: boolean;
  readonly systemUse?: Buffer;
}): Buffer {
  const name = Buffer.from(entry.name, "latin1");
  const systemUse = entry.systemUse ?? Buffer.alloc(0);
  const nameEnd = 33 + name.length + (name.length % 2 === 0 ? 1 : 0);
  const length = nameEnd + systemUse.length + (systemUse.length % 2);
  const record = Buffer.alloc(length);
  record[0] = length;
  bothEndian32(record, 2, entry.at);
  bothEndian32(record, 10, entry.length);
  record[25] = entry.isFolder ? 2 : 0;
  bothEndian16(record, 28, 1);
  record[32] = name.length;
  name.copy(record, 33);
  systemUse.copy(record, nameEnd);
  return record;
}

/** SUSP "SP": announces that records carry Rock Ridge fields, and stands in the root's own record. */
function sharingProtocol(): Buffer {
  return Buffer.from([0x53, 0x50, 7, 1, 0xbe, 0xef, 0]);
}

/** Rock Ridge "NM": the name with its case. */
function alternateName(name: string): Buffer {
  const text = Buffer.from(name, "utf8");
  return Buffer.concat([Buffer.from([0x4e, 0x4d, 5 + text.length, 1, 0]), text]);
}

function shortName(name: string): string {
  const [stem = "", extension = ""] = name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9.]/g, "_")
    .split(".");
  return `${stem.slice(0, 8)}.${extension.slice(0, 3)};1`;
}

function bothEndian32(into: Buffer, at: number, value: number): void {
  into.writeUInt32LE(value, at);
  into.writeUInt32BE(value, at + 4);
}

function bothEndian16(into: Buffer, at: number, value: number): void {
  into.writeUInt16LE(value, at);
  into.writeUInt16BE(value, at + 2);
}
