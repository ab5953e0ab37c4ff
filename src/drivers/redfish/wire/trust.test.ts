import { X509Certificate } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import type { Failure } from "#contract/failures.ts";
import { makeCertificate } from "#drivers/redfish/testing/certificate.ts";
import { paths, startScriptedBmc } from "#drivers/redfish/testing/scripted-bmc.ts";
import { createTestDriver, reading, refTo } from "#drivers/redfish/testing/test-driver.ts";
import { failureOf, withBmc } from "#drivers/redfish/testing/with-bmc.ts";

const fingerprintOf = (cert: string): string => new X509Certificate(cert).fingerprint256;

const wrongPin = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
  .repeat(2)
  .replace("FF00", "FF:00");

describe("a pinned certificate", () => {
  it("is accepted, however it is written", async () => {
    await withBmc(async ({ bmcs, bmc }) => {
      const shown = fingerprintOf(bmc.certificate.cert);
      for (const pin of [shown, shown.replaceAll(":", "").toLowerCase()]) {
        const ref = refTo(bmc.address, { mode: "pin", fingerprint256: pin });
        expect((await bmcs.connect(ref, reading())).fingerprint256).toBe(shown);
      }
    });
  });

  it("may have expired: the pin is what counts", async () => {
    const certificate = await makeCertificate("old", {
      notBeforeDate: new Date("2019-01-01T00:00:00Z"),
      notAfterDate: new Date("2020-01-01T00:00:00Z"),
    });
    expect(new Date(new X509Certificate(certificate.cert).validTo).getFullYear()).toBe(2020);
    const bmc = await startScriptedBmc({ certificate });
    const { bmcs } = createTestDriver();
    try {
      const tls = { mode: "pin", fingerprint256: fingerprintOf(certificate.cert) } as const;
      expect((await bmcs.connect(refTo(bmc.address, tls), reading())).auth).toBe("session");
    } finally {
      await bmcs.close();
      await bmc.close();
    }
  });

  it("is reported on first use, and holds for the session from then on", async () => {
    await withBmc(async ({ bmcs, bmc, sessions }) => {
      const shown = fingerprintOf(bmc.certificate.cert);
      const ref = refTo(bmc.address, { mode: "pin" });
      expect((await bmcs.connect(ref, reading())).fingerprint256).toBe(shown);
      expect(sessions.all()[0]?.tls).toEqual({ mode: "pin", fingerprint256: shown });
    });
  });

  it("that was seen first holds for every connection of an operation", async () => {
    const other = await makeCertificate("other");
    await withBmc(async ({ bmcs, bmc }) => {
      bmc.script = ({ path }) => {
        if (path === paths.root) bmc.changeCertificate(other);
        return undefined;
      };
      const failure = await failureOf(bmcs.connect(refTo(bmc.address, { mode: "pin" }), reading()));
      expect(failure.code).toBe("BMC_CERTIFICATE_CHANGED");
      // The password would have gone to whoever came in between.
      expect(bmc.asked.map(({ path }) => path)).toEqual([paths.root]);
    });
  });

  it("that is not the one shown stops everything before a byte of HTTP is sent", async () => {
    const certificate = await makeCertificate("changed");
    const shown = fingerprintOf(certificate.cert);
    /** Bytes of HTTP that the service gets from a client with this pin, until its connections are closed. */
    const bytesFor = async (pin: string): Promise<{ bytes: number; failure: Failure }> => {
      let bytes = 0;
      const closed: Promise<void>[] = [];
      const server = createServer(certificate, (socket: TLSSocket) => {
        socket.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          socket.destroy();
        });
      });
      server.on("tlsClientError", () => undefined);
      server.on("connection", (socket: Socket) => {
        socket.on("error", () => undefined);
        closed.push(new Promise((resolve) => socket.once("close", () => resolve())));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { bmcs } = createTestDriver();
      try {
        const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const ref = refTo(address, { mode: "pin", fingerprint256: pin });
        const failure = await failureOf(bmcs.connect(ref, reading()));
        await Promise.all(closed);
        expect(closed.length).toBeGreaterThan(0);
        return { bytes, failure };
      } finally {
        await bmcs.close();
        server.close();
      }
    };
    const right = await bytesFor(shown);
    expect(right.bytes).toBeGreaterThan(0);
    const wrong = await bytesFor(wrongPin);
    expect(wrong.bytes).toBe(0);
    expect(wrong.failure.code).toBe("BMC_CERTIFICATE_CHANGED");
    expect(wrong.failure.details).toMatchObject({ pinned: wrongPin, shown });
  });
});

describe("other ways to trust", () => {
  it("refuse a self-signed certificate when authorities are asked for", async () => {
    await withBmc(async ({ bmcs, bmc }) => {
      const failure = await failureOf(bmcs.connect(refTo(bmc.address, { mode: "ca" }), reading()));
      expect(failure).toMatchObject({ code: "BMC_CONNECTION_FAILED", details: { reason: "tls" } });
      expect(bmc.asked).toEqual([]);
    });
  });

  it("never send credentials in the clear", async () => {
    const { bmcs } = createTestDriver();
    const failure = await failureOf(bmcs.connect(refTo("http://127.0.0.1:1"), reading()));
    expect(failure).toMatchObject({
      code: "BMC_CONNECTION_FAILED",
      details: { reason: "address" },
    });
    await bmcs.close();
  });

  it("work over IPv6", async (context) => {
    const bmc = await startScriptedBmc({ host: "::1" }).catch(() => null);
    if (bmc === null) return context.skip("this machine has no IPv6 loopback");
    const { bmcs } = createTestDriver();
    try {
      expect((await bmcs.connect(refTo(bmc.address), reading())).auth).toBe("session");
    } finally {
      await bmcs.close();
      await bmc.close();
    }
  });
});
