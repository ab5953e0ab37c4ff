import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configDriveImage } from "./config-drive.ts";
import { buildVolume, sectorBytes } from "./iso9660.ts";

const at = new Date("2026-03-02T08:05:07.000Z");

interface Listed {
  readonly label: string;
  readonly files: ReadonlyMap<string, string>;
  readonly dates: readonly string[];
}

/** Reads a volume back by the standard: descriptor, root folder, records, contents. */
const parse = (image: Uint8Array, sector: 16 | 17): Listed => {
  const bytes = Buffer.from(image);
  const decode = (from: Buffer): string =>
    sector === 16 ? from.toString("latin1") : Buffer.from(from).swap16().toString("utf16le");
  const descriptor = bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes);
  expect(descriptor.toString("latin1", 1, 6)).toBe("CD001");
  expect(descriptor[0]).toBe(sector - 15);
  expect(descriptor.readUInt32LE(80)).toBe(image.length / sectorBytes);
  expect(descriptor.readUInt32BE(84)).toBe(image.length / sectorBytes);
  const rootAt = descriptor.readUInt32LE(158);
  const rootBytes = descriptor.readUInt32LE(166);
  expect(bytes.readUInt32LE(descriptor.readUInt32LE(140) * sectorBytes + 2)).toBe(rootAt);
  expect(bytes.readUInt32BE(descriptor.readUInt32BE(148) * sectorBytes + 2)).toBe(rootAt);
  const root = bytes.subarray(rootAt * sectorBytes, rootAt * sectorBytes + rootBytes);
  const files = new Map<string, string>();
  const dates: string[] = [];
  let previous = Buffer.alloc(0);
  for (let offset = 0; offset < root.length;) {
    const length = root[offset] ?? 0;
    if (length === 0) {
      offset = (Math.floor(offset / sectorBytes) + 1) * sectorBytes;
      continue;
    }
    expect((offset % sectorBytes) + length).toBeLessThanOrEqual(sectorBytes);
    const record = root.subarray(offset, offset + length);
    offset += length;
    const raw = record.subarray(33, 33 + (record[32] ?? 0));
    if (((record[25] ?? 0) & 2) !== 0) continue;
    expect(Buffer.compare(previous, raw)).toBe(-1);
    previous = raw;
    const start = record.readUInt32LE(2) * sectorBytes;
    files.set(decode(raw), bytes.toString("utf8", start, start + record.readUInt32LE(10)));
    dates.push([...record.subarray(18, 25)].join("."));
  }
  return { label: decode(descriptor.subarray(40, 72)).trimEnd(), files, dates };
};

describe("an ISO 9660 volume", () => {
  it("shows its files under their own names, and under plain ones to old readers", () => {
    const image = buildVolume({
      label: "cidata",
      at,
      files: [
        { name: "user-data", content: "#cloud-config\n" },
        { name: "meta-data", content: "instance-id: ü\n" },
        { name: "meta_data", content: "other" },
        { name: "empty", content: "" },
      ],
    });
    expect(image.length % sectorBytes).toBe(0);
    expect(parse(image, 17)).toEqual({
      label: "cidata",
      files: new Map([
        ["empty", ""],
        ["meta-data", "instance-id: ü\n"],
        ["meta_data", "other"],
        ["user-data", "#cloud-config\n"],
      ]),
      dates: Array.from({ length: 4 }, () => "126.3.2.8.5.7.0"),
    });
    const plain = parse(image, 16);
    expect(plain.label).toBe("cidata");
    expect([...plain.files.keys()]).toEqual([
      "EMPTY.;1",
      "META_DA1.;1",
      "META_DAT.;1",
      "USER_DAT.;1",
    ]);
    expect(plain.files.get("META_DAT.;1")).toBe("instance-id: ü\n");
  });

  it("is the same for the same files and time", () => {
    const build = (): Uint8Array =>
      buildVolume({ label: "cidata", at, files: [{ name: "a", content: "b" }] });
    expect(build()).toEqual(build());
  });

  it("has room for more files than fit in one sector of a folder", () => {
    const files = Array.from({ length: 200 }, (_, at) => ({
      name: `${"n".repeat(at % 60)}${at}`,
      content: String(at),
    }));
    const found = parse(buildVolume({ label: "x", at, files }), 17).files;
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(files.map(({ name, content }) => [name, content])),
    );
    expect(parse(buildVolume({ label: "x", at, files }), 16).files.size).toBe(200);
  });

  it("keeps whatever it is given", () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9._ äöü-]{1,64}$/);
    const files = fc.dictionary(name, fc.string({ unit: "grapheme", maxLength: 5000 }), {
      maxKeys: 120,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(files, (given) => {
        const list = Object.entries(given).map(([file, content]) => ({ name: file, content }));
        const { files: found } = parse(buildVolume({ label: "x", at, files: list }), 17);
        expect(Object.fromEntries(found)).toEqual(
          Object.fromEntries(list.map(({ name: file, content }) => [file, content])),
        );
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["a slash in a name", "a", [{ name: "a/b", content: "" }]],
    ["a name too long", "a", [{ name: "n".repeat(65), content: "" }]],
    [
      "one name twice",
      "a",
      [
        { name: "a", content: "" },
        { name: "a", content: "" },
      ],
    ],
    ["a label too long", "l".repeat(17), []],
  ])("refuses %s", (_name, label, files) => {
    expect(() => buildVolume({ label, at, files })).toThrow(RangeError);
  });

  it("is read by another's reader as it was meant", (context) => {
    const folder = mkdtempSync(join(tmpdir(), "iso-"));
    try {
      const file = join(folder, "drive.iso");
      writeFileSync(
        file,
        configDriveImage({
          instanceId: "run_1",
          hostName: "srv-1",
          callbackUrl: "https://cp.example/v1/callbacks/run_1/token",
          completion: "callback",
          userData: "#cloud-config\npackages: [jq]\n",
          networkData: "version: 2\n",
          at,
        }),
      );
      const isoinfo = (...options: string[]): string =>
        execFileSync("isoinfo", [...options, "-i", file], { encoding: "utf8" });
      try {
        isoinfo("-d");
      } catch {
        return context.skip("isoinfo is not installed here");
      }
      expect(isoinfo("-d")).toContain("Volume id: cidata");
      expect(isoinfo("-J", "-f").trim().split("\n").toSorted()).toEqual([
        "/meta-data",
        "/network-config",
        "/user-data",
      ]);
      expect(isoinfo("-J", "-x", "/user-data")).toBe("#cloud-config\npackages: [jq]\n");
      expect(JSON.parse(isoinfo("-J", "-x", "/meta-data"))).toEqual({
        "instance-id": "run_1",
        "local-hostname": "srv-1",
        millwright: {
          callbackUrl: "https://cp.example/v1/callbacks/run_1/token",
          completion: "callback",
        },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
