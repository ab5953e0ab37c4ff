import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { createImages } from "./images.ts";
import { nextUrl } from "./request.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const withServer = async <T>(
  handler: Handler,
  work: (origin: string) => Promise<T>,
): Promise<T> => {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

const reading = () => ({ signal: AbortSignal.timeout(30_000) });

const failureOf = async (call: Promise<unknown>): Promise<Failure> => {
  const thrown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
};

const { probe } = createImages();

describe("probing an image", () => {
  it("needs one HEAD where it tells everything", async () => {
    const methods: (string | undefined)[] = [];
    const facts = await withServer(
      (request, response) => {
        methods.push(request.method);
        response.writeHead(200, { "Content-Length": "7340032", "Accept-Ranges": "bytes" }).end();
      },
      (origin) => probe(`${origin}/a.iso`, reading()),
    );
    expect(facts).toMatchObject({ sizeBytes: 7_340_032, acceptsRanges: true });
    expect(methods).toEqual(["HEAD"]);
  });

  it.each([403, 404, 405])("asks for the first byte where HEAD answers %i", async (status) => {
    const facts = await withServer(
      (request, response) => {
        if (request.method === "HEAD") {
          response.writeHead(status).end();
          return;
        }
        expect(request.headers.range).toBe("bytes=0-0");
        response
          .writeHead(206, { "Content-Range": "bytes 0-0/999", "Content-Length": "1" })
          .end("x");
      },
      (origin) => probe(`${origin}/a.iso`, reading()),
    );
    expect(facts).toMatchObject({ sizeBytes: 999, acceptsRanges: true });
  });

  it("does not read an image whose server ignores ranges", async () => {
    const facts = await withServer(
      (request, response) => {
        response.writeHead(200, { "Content-Length": "1000000000" });
        if (request.method === "GET") response.write(Buffer.alloc(65_536));
        else response.end();
      },
      (origin) => probe(`${origin}/a.iso`, reading()),
    );
    expect(facts).toMatchObject({ sizeBytes: 1_000_000_000, acceptsRanges: false });
  });

  it("follows a redirect, but to no other scheme and not for ever", async () => {
    await withServer(
      (request, response) => {
        const target = { "/moved": "/a.iso", "/ftp": "ftp://x/y", "/file": "file:///etc/passwd" };
        const location = target[request.url as keyof typeof target] ?? request.url;
        if (request.url === "/a.iso") {
          response.writeHead(200, { "Content-Length": "5", "Accept-Ranges": "none" }).end();
          return;
        }
        response.writeHead(302, { Location: location }).end();
      },
      async (origin) => {
        expect(await probe(`${origin}/moved`, reading())).toMatchObject({
          sizeBytes: 5,
          acceptsRanges: false,
        });
        for (const path of ["/ftp", "/file", "/circle"]) {
          expect((await failureOf(probe(`${origin}${path}`, reading()))).code).toBe(
            "IMAGE_INVALID",
          );
        }
      },
    );
  });

  it("is not led from an encrypted connection to an open one", () => {
    const from = new URL("https://images.example/a.iso");
    expect(nextUrl(from, "/b.iso").href).toBe("https://images.example/b.iso");
    expect(nextUrl(new URL("http://x/a"), "https://y/b").href).toBe("https://y/b");
    for (const location of ["http://images.example/a.iso", "ftp://x/y", "https://"]) {
      expect(() => nextUrl(from, location)).toThrow(Failure);
    }
  });

  it.each<[string, number, Record<string, string>, string]>([
    ["is gone", 404, {}, "IMAGE_INVALID"],
    ["is forbidden", 403, {}, "IMAGE_INVALID"],
    ["is behind a broken server", 503, {}, "IMAGE_UNREACHABLE"],
    ["is a web page", 200, { "Content-Type": "text/html; charset=utf-8" }, "IMAGE_INVALID"],
    ["is empty", 200, { "Content-Length": "0", "Accept-Ranges": "bytes" }, "IMAGE_INVALID"],
  ])("refuses one that %s", async (_name, status, headers, code) => {
    await withServer(
      (_request, response) => response.writeHead(status, headers).end(),
      async (origin) => {
        const failure = await failureOf(probe(`${origin}/a.iso?signature=secret`, reading()));
        expect(failure.code).toBe(code);
        expect(failure.message).not.toContain("secret");
      },
    );
  });

  it("says when nothing answers, or too late, or when it was stopped", async () => {
    const gone = await withServer(
      () => undefined,
      (origin) => Promise.resolve(origin),
    );
    expect((await failureOf(probe(`${gone}/a.iso`, reading()))).code).toBe("IMAGE_UNREACHABLE");
    await withServer(
      () => undefined,
      async (origin) => {
        const hasty = createImages({ timeoutMs: 50 });
        expect((await failureOf(hasty.probe(`${origin}/a.iso`, reading()))).code).toBe(
          "IMAGE_UNREACHABLE",
        );
        const stopped = probe(`${origin}/a.iso`, { signal: AbortSignal.abort() });
        expect((await failureOf(stopped)).code).toBe("IMAGE_UNREACHABLE");
      },
    );
  });

  it.each(["ftp://example.org/a.iso", "file:///a.iso", "a.iso"])("refuses %s", async (url) => {
    expect((await failureOf(probe(url, reading()))).code).toBe("IMAGE_INVALID");
  });
});
