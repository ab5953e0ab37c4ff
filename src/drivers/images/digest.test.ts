import { createHash } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { checksumTypes } from "#drivers/ports.ts";
import { createImages } from "./images.ts";

const bytes = Buffer.alloc(3_000_000, "an image ");
const { digest } = createImages({ silenceMs: 100 });
const patient = () => ({ signal: AbortSignal.timeout(30_000) });

const serving = async <T>(
  handler: RequestListener,
  work: (url: string) => Promise<T>,
): Promise<T> => {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a.iso`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

describe("the checksum of an image", () => {
  it.each(checksumTypes)("is that of all its bytes, as %s", async (type) => {
    const seen = await serving(
      (request, response) => {
        if (request.url === "/a.iso") response.writeHead(302, { Location: "/b.iso" }).end();
        else response.end(bytes);
      },
      (url) => digest(url, type, patient()),
    );
    expect(seen).toBe(createHash(type).update(bytes).digest("hex"));
  });

  it.each<[string, RequestListener, string]>([
    ["is gone", (_request, response) => response.writeHead(404).end(), "IMAGE_INVALID"],
    [
      "is behind trouble",
      (_request, response) => response.writeHead(503).end(),
      "IMAGE_UNREACHABLE",
    ],
    [
      "breaks off",
      (_request, response) => {
        response.writeHead(200, { "Content-Length": bytes.length });
        response.write(bytes.subarray(0, 100_000), () => response.destroy());
      },
      "IMAGE_UNREACHABLE",
    ],
    [
      "stops arriving",
      (_request, response) => {
        response.writeHead(200, { "Content-Length": bytes.length });
        response.write(bytes.subarray(0, 100_000));
      },
      "IMAGE_UNREACHABLE",
    ],
  ])("is not told of one that %s", async (_name, handler, code) => {
    await serving(handler, (url) =>
      expect(digest(url, "sha256", patient())).rejects.toMatchObject({ code }),
    );
  });

  it("is given up as soon as nobody wants it any more", async () => {
    const stop = new AbortController();
    const unhurried = createImages();
    await serving(
      (_request, response) => {
        response.writeHead(200, { "Content-Length": bytes.length });
        response.write(bytes.subarray(0, 100_000), () => stop.abort());
      },
      (url) =>
        expect(unhurried.digest(url, "sha256", { signal: stop.signal })).rejects.toMatchObject({
          code: "IMAGE_UNREACHABLE",
        }),
    );
  });
});
