import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { type Answer, paths } from "#drivers/redfish/testing/scripted-bmc.ts";
import { createTestDriver, reading, refTo, writing } from "#drivers/redfish/testing/test-driver.ts";
import { failureOf, withBmc } from "#drivers/redfish/testing/with-bmc.ts";

const on =
  (wanted: string, answer: Answer, firstTimes = Infinity) =>
  ({ method, path }: { method: string; path: string }, times: number): Answer | undefined =>
    `${method} ${path}` === wanted && times <= firstTimes ? answer : undefined;

const readSystem = `GET ${paths.system}`;

describe("every call", () => {
  it("says what it speaks; writes carry their key and a JSON body", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      await bmcs.setPower(ref, "on", writing("run_7/power-on"));
      await bmcs.resetBmc(ref, writing("run_7/reset"));
      for (const { headers, method, path } of bmc.asked) {
        expect(headers).toMatchObject({
          "odata-version": "4.0",
          accept: "application/json",
          "accept-encoding": "identity",
        });
        const isWrite = method !== "GET" && !path.includes("/Sessions");
        expect(headers["idempotency-key"]).toBe(
          isWrite ? (path === paths.reset ? "run_7/power-on" : "run_7/reset") : undefined,
        );
        if (isWrite) expect(headers["content-type"]).toBe("application/json");
      }
    });
  });

  it("keeps one connection for the reads of an operation and a fresh one for a write", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      await bmcs.setPower(ref, "on", writing());
      const connectionOf = ({ headers }: { headers: object }): unknown =>
        "connection" in headers ? headers.connection : undefined;
      expect(bmc.asked.filter(({ method }) => method === "GET").map(connectionOf)).not.toContain(
        "close",
      );
      expect(bmc.asked.filter(({ method }) => method === "POST").map(connectionOf)).toEqual([
        "close",
        "close",
      ]);
    });
  });
});

describe("a read", () => {
  it.each<[string, Answer]>([
    ["a connection reset", { cut: "before" }],
    ["a body that is cut off", { cut: "middle", body: '{"PowerState":' }],
    ["a body that is no JSON", { body: "<html>restarting</html>" }],
    ["503", { status: 503 }],
    ["500", { status: 500, body: "SYS446" }],
    ["429", { status: 429 }],
  ])("is repeated after %s", async (_name, answer) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = on(readSystem, answer, 1);
      expect((await bmcs.readState(ref, reading())).power).toBe("off");
    });
  });

  it("is not repeated for ever", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = on(readSystem, { status: 502 });
      expect((await failureOf(bmcs.readState(ref, reading()))).code).toBe("BMC_BUSY");
      expect(bmc.calls().filter((call) => call === readSystem)).toHaveLength(3);
    });
  });

  it.each([
    ["seconds", () => "7"],
    ["a date", (now: number) => new Date(now + 7000).toUTCString()],
  ])("waits as long as the BMC asks in %s", async (_name, value) => {
    await withBmc(async ({ bmcs, bmc, ref, clock }) => {
      bmc.script = (asked, times) =>
        on(
          readSystem,
          { status: 503, headers: { "Retry-After": value(clock.now()) } },
          1,
        )(asked, times);
      await bmcs.readState(ref, reading());
      expect(clock.pauses).toHaveLength(1);
      expect(clock.pauses[0]).toBeGreaterThan(5900);
      expect(clock.pauses[0]).toBeLessThanOrEqual(7000);
    });
  });

  it("leaves a long wait to the engine", async () => {
    await withBmc(async ({ bmcs, bmc, ref, clock }) => {
      bmc.script = on(readSystem, { status: 503, headers: { "Retry-After": "120" } });
      const failure = await failureOf(bmcs.readState(ref, reading()));
      expect(failure).toMatchObject({ code: "BMC_BUSY", retryAfterMs: 120_000 });
      expect(clock.pauses).toEqual([]);
    });
  });

  it("that is answered too slowly ends in time", async () => {
    await withBmc(
      async ({ bmcs, bmc, ref }) => {
        bmc.script = on(readSystem, { silent: true });
        const failure = await failureOf(bmcs.readState(ref, reading()));
        expect(failure).toMatchObject({
          code: "BMC_CONNECTION_FAILED",
          details: { reason: "timeout" },
        });
      },
      { timeouts: { readMs: 100 } },
    );
  });

  it("that never ends is cut at a size", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = on(readSystem, {
        body: JSON.stringify({ Model: "x".repeat(17 * 1024 * 1024) }),
      });
      expect(await failureOf(bmcs.readState(ref, reading()))).toMatchObject({
        code: "BMC_INVALID_RESPONSE",
        details: { reason: "too-large" },
      });
    });
  });
});

describe("a write", () => {
  it("is not repeated after a broken connection: it may have been done", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = on(`POST ${paths.reset}`, { cut: "before" });
      expect(await failureOf(bmcs.setPower(ref, "on", writing()))).toMatchObject({
        code: "BMC_CONNECTION_FAILED",
        details: { reason: "reset" },
      });
      expect(bmc.calls().filter((call) => call === `POST ${paths.reset}`)).toHaveLength(1);
    });
  });

  it.each([
    ["SWC0700 with 400", 400, "IDRAC.2.8.SWC0700"],
    ["SYS518 with 503", 503, "IDRAC.2.8.SYS518"],
    ["UnableToModifyDuringSystemPOST with 400", 400, "iLO.2.14.UnableToModifyDuringSystemPOST"],
    ["ActionParameterValueConflict with 409", 409, "Base.1.18.ActionParameterValueConflict"],
  ])("is repeated after %s", async (_name, status, MessageId) => {
    await withBmc(async ({ bmcs, bmc, ref, clock }) => {
      const body = { error: { "@Message.ExtendedInfo": { MessageId } } };
      bmc.script = on(`POST ${paths.reset}`, { status, body }, 2);
      expect(await bmcs.setPower(ref, "on", writing())).toBe("asked");
      expect(clock.pauses).toEqual([5000, 5000]);
    });
  });

  it("that the BMC never gets to is BMC_BUSY", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const body = { error: { "@Message.ExtendedInfo": [{ MessageId: "IDRAC.2.8.SWC0700" }] } };
      bmc.script = on(`POST ${paths.reset}`, { status: 400, body });
      expect((await failureOf(bmcs.setPower(ref, "on", writing()))).code).toBe("BMC_BUSY");
    });
  });

  it("that is refused is told in the BMC's words", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = on(`POST ${paths.reset}`, {
        status: 400,
        body: {
          error: {
            "@Message.ExtendedInfo": [
              {
                MessageId: "Base.1.12.PropertyValueNotInList",
                Message: "The value On is not in the list.",
                Resolution: "Choose another value.",
              },
              { MessageId: "Vendor.9.9.Custom", Message: "The tray is open." },
            ],
          },
        },
      });
      const failure = await failureOf(bmcs.setPower(ref, "on", writing()));
      expect(failure.code).toBe("BMC_REJECTED");
      expect(failure.message).toContain("The value On is not in the list. Choose another value.");
      expect(failure.message).toContain("The tray is open.");
      expect(failure.details).toMatchObject({
        status: 400,
        path: paths.reset,
        messageIds: ["PropertyValueNotInList", "Custom"],
      });
    });
  });
});

describe("redirects", () => {
  it("on the same host and port are followed with method and body kept", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources[paths.system]!["Actions"] = {
        "#ComputerSystem.Reset": { target: `${paths.reset}//` },
      };
      bmc.script = on(`POST ${paths.reset}//`, { status: 308, headers: { Location: paths.reset } });
      expect(await bmcs.setPower(ref, "on", writing())).toBe("asked");
      expect(bmc.asked.at(-1)).toMatchObject({
        method: "POST",
        path: paths.reset,
        body: { ResetType: "On" },
      });
    });
  });

  it.each(["https://192.0.2.1/redfish/v1/", "//192.0.2.1/x", "http://127.0.0.1/redfish/v1/"])(
    "to %s are not followed",
    async (Location) => {
      await withBmc(async ({ bmcs, bmc, ref }) => {
        bmc.script = on(readSystem, { status: 307, headers: { Location } });
        expect(await failureOf(bmcs.readState(ref, reading()))).toMatchObject({
          code: "BMC_INVALID_RESPONSE",
          details: { reason: "redirect" },
        });
      });
    },
  );

  it("in a circle end", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = on(readSystem, { status: 308, headers: { Location: paths.system } });
      expect((await failureOf(bmcs.readState(ref, reading()))).code).toBe("BMC_INVALID_RESPONSE");
    });
  });
});

describe("what answers is no BMC", () => {
  it("when it is a web page", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = () => ({ body: "<html>hello</html>" });
      expect(await failureOf(bmcs.connect(ref, reading()))).toMatchObject({
        code: "BMC_INVALID_RESPONSE",
        details: { reason: "not-redfish" },
      });
    });
  });

  it("when it does not speak TLS", async () => {
    const server = createServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { bmcs } = createTestDriver();
    const { port } = server.address() as AddressInfo;
    const failure = await failureOf(bmcs.connect(refTo(`https://127.0.0.1:${port}`), reading()));
    expect(failure).toMatchObject({ code: "BMC_CONNECTION_FAILED", details: { reason: "tls" } });
    await bmcs.close();
    server.close();
  });

  it("when nothing listens", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { bmcs } = createTestDriver();
    const failure = await failureOf(bmcs.connect(refTo(`https://127.0.0.1:${port}`), reading()));
    expect(failure).toMatchObject({
      code: "BMC_CONNECTION_FAILED",
      details: { reason: "refused" },
    });
    await bmcs.close();
  });
});

describe("an abort", () => {
  const aborted = { code: "BMC_CONNECTION_FAILED", details: { reason: "aborted" } };

  it("ends a call that waits for its answer", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const stop = new AbortController();
      bmc.script = (asked) => {
        if (asked.path !== paths.system) return undefined;
        stop.abort();
        return { silent: true };
      };
      expect(await failureOf(bmcs.readState(ref, { signal: stop.signal }))).toMatchObject(aborted);
    });
  });

  it("ends a connection that is never accepted", async () => {
    const stop = new AbortController();
    const server = createServer(() => stop.abort());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { bmcs } = createTestDriver();
    const call = bmcs.connect(refTo(`https://127.0.0.1:${port}`), { signal: stop.signal });
    expect(await failureOf(call)).toMatchObject(aborted);
    await bmcs.close();
    server.close();
  });

  it("ends a pause, and no further call is made", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const stop = new AbortController();
      bmc.script = (asked) => {
        if (asked.path !== paths.system) return undefined;
        queueMicrotask(() => stop.abort());
        return { status: 503 };
      };
      expect(await failureOf(bmcs.readState(ref, { signal: stop.signal }))).toMatchObject(aborted);
      expect(bmc.calls().filter((call) => call === readSystem)).toHaveLength(1);
    });
  });

  it("before the start makes no call at all", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const call = bmcs.readState(ref, { signal: AbortSignal.abort() });
      expect(await failureOf(call)).toMatchObject(aborted);
      expect(bmc.asked).toEqual([]);
    });
  });
});
