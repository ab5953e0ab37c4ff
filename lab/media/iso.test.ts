import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { present } from "#lab/clients/try-lab.ts";
import { buildImages } from "#lab/images/catalogue.ts";
import { openIso } from "./iso-reader.ts";
import type { IsoVolume } from "./iso-reader.ts";
import { writeIso } from "./iso-writer.ts";

const folder = mkdtempSync(path.join(tmpdir(), "lab-iso-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Tools that other people wrote, where they are installed; on Debian: apt-get install genisoimage. */
const tools = { writer: "genisoimage", reader: "isoinfo" };
const hasWriter = spawnSync(tools.writer, ["--version"]).error === undefined;
const hasReader = spawnSync(tools.reader, ["--version"]).error === undefined;

function open(bytes: Buffer): Promise<IsoVolume | undefined> {
  return openIso((offset, length) =>
    offset + length > bytes.length
      ? Promise.reject(new Error("past the end"))
      : Promise.resolve(bytes.subarray(offset, offset + length)),
  );
}

const files = [
  { name: "meta-data", content: '{"instance-id":"i-1"}' },
  { name: "user-data", content: "#cloud-config\n" },
  { name: "network-config", content: "version: 2\n".repeat(500) },
];

describe("an ISO 9660 image", () => {
  test("is read back as it was written", async () => {
    const bytes = writeIso({ label: "cidata", files, isBootable: false, sizeBytes: 0 });
    const volume = await open(bytes);
    expect(volume?.label).toBe("cidata");
    expect(volume?.isBootable).toBe(false);
    for (const { name, content } of files) expect(await volume?.readText(name)).toBe(content);
    expect(await volume?.readText("vendor-data")).toBeUndefined();
  });

  test("is told from other bytes", async () => {
    expect(await open(Buffer.alloc(1024 * 1024))).toBeUndefined();
  });

  test("of the lab is bootable, a whole number of sectors and always the same", async () => {
    const [first, second] = [buildImages(), buildImages()];
    expect(second.map(({ checksum }) => checksum)).toEqual(first.map(({ checksum }) => checksum));
    for (const { bytes, format } of first) {
      const volume = await open(bytes);
      if (format === "raw") {
        expect(volume).toBeUndefined();
        continue;
      }
      expect(volume?.isBootable).toBe(true);
      expect(volume?.label.includes("LIVE")).toBe(format === "live-iso");
      expect(bytes.length).toBe(1024 * 1024);
    }
  });

  const flavours = [
    ["Joliet and Rock Ridge", ["-J", "-r"]],
    ["Rock Ridge", ["-r"]],
    ["Joliet", ["-J"]],
    ["plain", []],
  ] as const;
  test.skipIf(!hasWriter).each(flavours)(
    "made by genisoimage (not installed: skipped) with %s names is read",
    async (flavour, flags) => {
      const from = files.map(({ name, content }) => {
        const file = path.join(folder, name);
        writeFileSync(file, content);
        return file;
      });
      const to = path.join(folder, `${flavour.replaceAll(" ", "-")}.iso`);
      execFileSync(tools.writer, ["-quiet", "-V", "cidata", ...flags, "-o", to, ...from], {
        stdio: "ignore",
      });
      const volume = await open(readFileSync(to));
      for (const { name, content } of files) expect(await volume?.readText(name)).toBe(content);
    },
  );

  test.skipIf(!hasReader)("of the lab is valid for isoinfo (not installed: skipped)", () => {
    const file = path.join(folder, "lab.iso");
    writeFileSync(file, present(buildImages()[0]).bytes);
    const told = execFileSync(tools.reader, ["-d", "-i", file], { encoding: "utf8" });
    expect(told).toContain("Volume id: DEBIAN_13_INSTALLER");
    expect(told).toContain("El Torito VD version 1 found");
    expect(execFileSync(tools.reader, ["-R", "-f", "-i", file], { encoding: "utf8" })).toContain(
      "/readme.txt",
    );
  });
});
