/**
 * Builds an ISO 9660 volume (ECMA-119) with Joliet names (UCS-2, as Microsoft's Joliet specification has them),
 * so that Linux and Windows see `meta-data` in lower case. One folder, files only, and a pure function: the
 * same files and time give the same bytes.
 *
 *   sector  0-15  system area, empty
 *          16     primary volume descriptor        ──▶ path tables 19, 20 ──▶ root folder (8.3 names)
 *          17     supplementary descriptor, Joliet ──▶ path tables 21, 22 ──▶ root folder (real names)
 *          18     end of descriptors
 *          23 …   the two root folders, then the files, which both folders point to
 */

export interface VolumeFile {
  /** At most 64 characters, none of `* / : ; ? \` and no control characters (Joliet). */
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface Volume {
  /** At most 16 characters (Joliet's limit); `cidata` for NoCloud. */
  readonly label: string;
  readonly files: readonly VolumeFile[];
  /** Time of the volume and of every file; only whole seconds from 1970 to 2155 are kept. */
  readonly at: Date;
}

export const sectorBytes = 2048;

const primaryAt = 16;
const jolietAt = 17;
const endAt = 18;
const tablesAt = 19;
const foldersAt = 23;

/** A folder in one of the two namespaces, and how its names are written. */
interface Namespace {
  readonly encode: (text: string) => Uint8Array;
  readonly pad: number;
  readonly names: readonly string[];
}

interface Placed {
  readonly name: Uint8Array;
  readonly sector: number;
  readonly bytes: number;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

const ucs2 = (text: string): Uint8Array =>
  Uint8Array.from(
    Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)).flatMap((unit) => [
      unit >> 8,
      unit & 0xff,
    ]),
  );

/** Numbers stand in both byte orders, one after the other. */
const both32 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value, false);
};

const both16 = (view: DataView, at: number, value: number): void => {
  view.setUint16(at, value, true);
  view.setUint16(at + 2, value, false);
};

const sectorsFor = (bytes: number): number => Math.max(1, Math.ceil(bytes / sectorBytes));

/** 8.3 names of the plain alphabet for systems that read no Joliet; numbered where two become the same. */
const plainNames = (files: readonly VolumeFile[]): readonly string[] => {
  const taken = new Set<string>();
  return files.map(({ name }) => {
    const [base = "", extension = ""] = name.toUpperCase().split(/\.(?=[^.]*$)/);
    const clean = (text: string, length: number): string =>
      text.replace(/[^A-Z0-9_]/g, "_").slice(0, length);
    for (let copy = 0; ; copy += 1) {
      const mark = copy === 0 ? "" : String(copy);
      const short = `${clean(base, 8 - mark.length)}${mark}.${clean(extension, 3)};1`;
      if (taken.has(short)) continue;
      taken.add(short);
      return short;
    }
  });
};

/** A folder's entry: 33 bytes, the name, and a byte more where that makes the length even (ECMA-119 9.1). */
const record = (entry: Placed, at: Date, isFolder: boolean): Uint8Array => {
  const bytes = new Uint8Array(33 + entry.name.length + ((entry.name.length + 1) % 2));
  const view = new DataView(bytes.buffer);
  bytes[0] = bytes.length;
  both32(view, 2, entry.sector);
  both32(view, 10, entry.bytes);
  bytes.set(
    [
      at.getUTCFullYear() - 1900,
      at.getUTCMonth() + 1,
      at.getUTCDate(),
      at.getUTCHours(),
      at.getUTCMinutes(),
      at.getUTCSeconds(),
      0,
    ],
    18,
  );
  bytes[25] = isFolder ? 2 : 0;
  both16(view, 28, 1);
  bytes[32] = entry.name.length;
  bytes.set(entry.name, 33);
  return bytes;
};

const self = (name: number, sector: number, bytes: number): Placed => ({
  name: Uint8Array.of(name),
  sector,
  bytes,
});

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};

/** The folder's sectors: itself, its parent (itself again) and the files by name; no entry crosses a sector. */
const folder = (
  entries: readonly Placed[],
  sector: number,
  bytes: number,
  at: Date,
): Uint8Array => {
  const sorted = entries.toSorted((a, b) => compareBytes(a.name, b.name));
  const records = [
    record(self(0, sector, bytes), at, true),
    record(self(1, sector, bytes), at, true),
    ...sorted.map((entry) => record(entry, at, false)),
  ];
  const out = new Uint8Array(bytes);
  let offset = 0;
  for (const one of records) {
    offset = startOf(offset, one.length);
    out.set(one, offset);
    offset += one.length;
  }
  return out;
};

const startOf = (offset: number, length: number): number =>
  (offset % sectorBytes) + length > sectorBytes
    ? Math.ceil(offset / sectorBytes) * sectorBytes
    : offset;

const folderBytes = (names: readonly Uint8Array[]): number => {
  const lengths = [34, 34, ...names.map((name) => 33 + name.length + ((name.length + 1) % 2))];
  // The longest order is assumed: sorting moves the gaps at sector ends.
  const used = lengths.reduce((offset, length) => startOf(offset, length) + length, 0);
  return (sectorsFor(used) + (used > sectorBytes ? 1 : 0)) * sectorBytes;
};

/** The one entry of a path table: the root folder. */
const pathTable = (rootSector: number, littleEndian: boolean): Uint8Array => {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  view.setUint32(2, rootSector, littleEndian);
  view.setUint16(6, 1, littleEndian);
  return bytes;
};

const decimalTime = (at: Date): Uint8Array => {
  const digits = at
    .toISOString()
    .replace(/[^0-9]/g, "")
    .slice(0, 16);
  return Uint8Array.of(...ascii(digits), 0);
};

interface Descriptor {
  readonly type: 1 | 2;
  readonly label: string;
  readonly sectors: number;
  readonly tables: number;
  readonly root: Placed;
  readonly at: Date;
  readonly space: Namespace;
}

const descriptor = ({ type, label, sectors, tables, root, at, space }: Descriptor): Uint8Array => {
  const bytes = new Uint8Array(sectorBytes);
  const view = new DataView(bytes.buffer);
  const text = (offset: number, length: number, value: string): void => {
    bytes.set(space.encode(value.padEnd(length / space.pad)).subarray(0, length), offset);
  };
  bytes[0] = type;
  bytes.set(ascii("CD001"), 1);
  bytes[6] = 1;
  text(8, 32, "");
  text(40, 32, label);
  both32(view, 80, sectors);
  // Joliet level 3: the escape sequence that says UCS-2.
  if (type === 2) bytes.set(ascii("%/E"), 88);
  both16(view, 120, 1);
  both16(view, 124, 1);
  both16(view, 128, sectorBytes);
  both32(view, 132, 10);
  view.setUint32(140, tables, true);
  view.setUint32(148, tables + 1, false);
  bytes.set(record(root, at, true), 156);
  for (const [offset, length] of textFields) text(offset, length, "");
  bytes.set(decimalTime(at), 813);
  bytes.set(decimalTime(at), 830);
  // Neither expires nor becomes effective: sixteen zeros.
  for (const offset of [847, 864]) bytes.set(ascii("0".repeat(16)), offset);
  bytes[881] = 1;
  return bytes;
};

/** Volume set, publisher, preparer, application and three file identifiers: blank. */
const textFields: readonly (readonly [number, number])[] = [
  [190, 128],
  [318, 128],
  [446, 128],
  [574, 128],
  [702, 36],
  [740, 36],
  [776, 36],
];

const jolietName = /^[^*/:;?\\\p{Cc}]{1,64}$/u;

const check = ({ label, files }: Volume): void => {
  if (label.length === 0 || label.length > 16)
    throw new RangeError("a label has 1 to 16 characters");
  const names = new Set(files.map(({ name }) => name));
  if (names.size !== files.length) throw new RangeError("two files have one name");
  const bad = files.find(({ name }) => !jolietName.test(name));
  if (bad !== undefined) throw new RangeError(`"${bad.name}" cannot be a file's name in Joliet`);
};

/** The volume's bytes, whole sectors. Throws RangeError for a label or name that cannot be written. */
export const buildVolume = (volume: Volume): Uint8Array => {
  check(volume);
  const { files, label, at } = volume;
  const spaces: readonly [Namespace, Namespace] = [
    { encode: ascii, pad: 1, names: plainNames(files) },
    { encode: ucs2, pad: 2, names: files.map(({ name }) => name) },
  ];
  const contents = files.map(({ content }) =>
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  const sizes = spaces.map(({ encode, names }) => folderBytes(names.map(encode)));
  const [plainBytes = 0, jolietBytes = 0] = sizes;
  const jolietRootAt = foldersAt + plainBytes / sectorBytes;
  let next = jolietRootAt + jolietBytes / sectorBytes;
  const sectors = contents.map((content) => {
    const sector = next;
    next += sectorsFor(content.length);
    return sector;
  });
  const out = new Uint8Array(next * sectorBytes);
  const put = (sector: number, bytes: Uint8Array): void => out.set(bytes, sector * sectorBytes);
  for (const [index, space] of spaces.entries()) {
    const rootAt = index === 0 ? foldersAt : jolietRootAt;
    const bytes = sizes[index] ?? 0;
    const entries = space.names.map((name, file) => ({
      name: space.encode(name),
      sector: sectors[file] ?? 0,
      bytes: contents[file]?.length ?? 0,
    }));
    const tables = tablesAt + index * 2;
    put(
      index === 0 ? primaryAt : jolietAt,
      descriptor({
        type: index === 0 ? 1 : 2,
        label,
        sectors: next,
        tables,
        root: self(0, rootAt, bytes),
        at,
        space,
      }),
    );
    put(tables, pathTable(rootAt, true));
    put(tables + 1, pathTable(rootAt, false));
    put(rootAt, folder(entries, rootAt, bytes, at));
  }
  put(endAt, Uint8Array.of(255, ...ascii("CD001"), 1));
  for (const [file, content] of contents.entries()) put(sectors[file] ?? 0, content);
  return out;
};
