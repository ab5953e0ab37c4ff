import { expect, it } from "vitest";
import type { ServerContext } from "./kit.ts";
import { verifyChecksum } from "./image-checksum.ts";

const image = { url: "http://images.example/a.iso", format: "iso" } as const;

/** A world whose every image has this checksum; counts how often one was read. */
const serving = (checksum: string) => {
  const read: string[] = [];
  const digest = (url: string, type: string): Promise<string> => {
    read.push(`${type} ${url}`);
    return Promise.resolve(checksum);
  };
  const context = {
    ports: { images: { digest } },
    signal: new AbortController().signal,
  } as unknown as ServerContext;
  return { context, read };
};

it("reads no image for which no checksum was given", async () => {
  const { context, read } = serving("ab");
  await verifyChecksum(context, { ...image, checksum: null, checksumType: null });
  expect(read).toEqual([]);
});

it("takes an image with the checksum that was given, however it is written", async () => {
  const { context, read } = serving("ab");
  await verifyChecksum(context, { ...image, checksum: "AB", checksumType: "sha512" });
  expect(read).toEqual([`sha512 ${image.url}`]);
});

it("refuses another one, and says both", async () => {
  const { context } = serving("ab");
  const check = verifyChecksum(context, { ...image, checksum: "cd", checksumType: "sha256" });
  await expect(check).rejects.toMatchObject({
    code: "IMAGE_INVALID",
    details: { checksumType: "sha256", expected: "cd", actual: "ab" },
  });
});

it("refuses a checksum that nobody can check", async () => {
  const { context } = serving("ab");
  const check = verifyChecksum(context, { ...image, checksum: "ab", checksumType: "crc32" });
  await expect(check).rejects.toMatchObject({ code: "IMAGE_INVALID" });
});
