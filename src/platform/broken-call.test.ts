import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { brokenReasonOf, isNoHttp } from "./broken-call.ts";

const coded = (code: string): Error => Object.assign(new Error("it broke"), { code });

describe("why a call broke", () => {
  it.each([
    ["ECONNREFUSED", "refused"],
    ["EHOSTUNREACH", "unreachable"],
    ["ENOTFOUND", "unreachable"],
    ["EAI_AGAIN", "unreachable"],
    ["ETIMEDOUT", "timeout"],
    ["ECONNRESET", "reset"],
    ["EPIPE", "reset"],
    ["ECONNABORTED", "reset"],
    // The request may have been sent: only what happens in a handshake says that it was not.
    ["ERR_STREAM_PREMATURE_CLOSE", "reset"],
    ["ERR_SOCKET_CLOSED", "reset"],
    ["ERR_HTTP_HEADERS_SENT", "reset"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["EPROTO", "tls"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["CRL_HAS_EXPIRED", "tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
    ["INVALID_CA", "tls"],
    ["", "reset"],
  ] as const)("%s is %s", (code, reason) => {
    expect(brokenReasonOf(coded(code))).toBe(reason);
  });

  it("is told without a code, too", () => {
    expect(brokenReasonOf(new Error("socket hang up"))).toBe("reset");
    expect(isNoHttp(new Error("socket hang up"))).toBe(false);
  });
});

describe("as Node words it", () => {
  const closers: (() => void)[] = [];
  afterEach(() => closers.splice(0).forEach((close) => close()));

  /** The error of a GET at a port that treats its connections so. */
  const errorOf = async (protocol: "http" | "https", treat: (socket: Socket) => void) => {
    const server = createServer(treat);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(() => server.close());
    const url = `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const request = protocol === "http" ? httpRequest : httpsRequest;
    return new Promise<Error>((resolve) => {
      request(url, { agent: false }).on("error", resolve).end();
    });
  };

  it("a connection that is cut is a reset, a port without TLS is tls, and what is no HTTP is told apart", async () => {
    const cut = await errorOf("http", (socket) => socket.destroy());
    expect(brokenReasonOf(cut)).toBe("reset");
    const plain = await errorOf("https", (socket) => socket.end("HTTP/1.1 400 No\r\n\r\n"));
    expect(brokenReasonOf(plain)).toBe("tls");
    const strange = await errorOf("http", (socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    expect([isNoHttp(strange), isNoHttp(cut)]).toEqual([true, false]);
  });
});
