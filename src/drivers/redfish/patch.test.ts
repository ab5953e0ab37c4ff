import { describe, expect, it } from "vitest";
import { paths } from "./testing/scripted-bmc.ts";
import { reading, writing } from "./testing/test-driver.ts";
import { failureOf, withBmc } from "./testing/with-bmc.ts";

const isPatch = ({ method, path }: { method: string; path: string }): boolean =>
  method === "PATCH" && path === paths.system;

const isRead = ({ method, path }: { method: string; path: string }): boolean =>
  method === "GET" && path === paths.system;

/** Switches the identify light on against a service with these ETags; answers the If-Match headers that it saw. */
const matchesFor = async (
  etags: { readonly header?: readonly string[]; readonly body?: string },
  accepts: (match: unknown, etag: string | undefined) => number,
): Promise<{ readonly matches: unknown[]; readonly result: unknown }> =>
  withBmc(async ({ bmcs, bmc, ref }) => {
    let reads = 0;
    const current = (): string | undefined =>
      etags.header?.[Math.min(reads, etags.header.length) - 1] ?? etags.body;
    bmc.script = (asked) => {
      if (isRead(asked)) {
        reads += 1;
        const etag = current();
        return {
          headers: etags.header === undefined || etag === undefined ? {} : { ETag: etag },
          body: {
            ...bmc.resources[paths.system],
            ...(etags.body === undefined ? {} : { "@odata.etag": etags.body }),
          },
        };
      }
      if (!isPatch(asked)) return undefined;
      const status = accepts(asked.headers["if-match"], current());
      return status === 204 ? undefined : { status };
    };
    const result = await bmcs.setIndicator(ref, true, writing()).catch((error: unknown) => error);
    return {
      matches: bmc.asked.filter(isPatch).map(({ headers }) => headers["if-match"]),
      result,
    };
  });

describe("the ladder of ETags", () => {
  it("sends none where none is shown", async () => {
    const { matches, result } = await matchesFor({}, () => 204);
    expect(matches).toEqual([undefined]);
    expect(result).toBe("asked");
  });

  it("sends the header's before the body's, as given", async () => {
    const { matches } = await matchesFor({ header: ['W/"1"'], body: '"2"' }, () => 204);
    expect(matches).toEqual(['W/"1"']);
    expect((await matchesFor({ body: 'W/"2"' }, () => 204)).matches).toEqual(['W/"2"']);
  });

  it("takes an empty one for none", async () => {
    expect((await matchesFor({ body: "" }, () => 204)).matches).toEqual([undefined]);
  });

  it("drops the weakness when the service refuses the one it sent", async () => {
    const { matches, result } = await matchesFor({ header: ['W/"1"'] }, (match) =>
      match === '"1"' ? 204 : 412,
    );
    expect(matches).toEqual(['W/"1"', '"1"']);
    expect(result).toBe("asked");
  });

  it("reads again when the ETag changed meanwhile", async () => {
    const { matches, result } = await matchesFor({ header: ['"1"', '"2"', '"3"'] }, (match, etag) =>
      match === etag && match !== '"1"' && match !== '"2"' ? 204 : 412,
    );
    expect(matches).toEqual(['"2"', '"3"']);
    expect(result).toBe("asked");
  });

  it("goes without in the end, while nobody else changed the value", async () => {
    const { matches, result } = await matchesFor({ header: ['W/"1"'] }, (match) =>
      match === undefined ? 204 : 412,
    );
    expect(matches).toEqual(['W/"1"', '"1"', undefined]);
    expect(result).toBe("asked");
  });

  it("does not overwrite what somebody else changed at that moment", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      let reads = 0;
      bmc.script = (asked) => {
        if (isRead(asked)) {
          reads += 1;
          const changed = reads > 2 ? { LocationIndicatorActive: true } : {};
          return {
            headers: { ETag: `"${reads}"` },
            body: { ...bmc.resources[paths.system], ...changed },
          };
        }
        return isPatch(asked) ? { status: 412 } : undefined;
      };
      const failure = await failureOf(bmcs.setIndicator(ref, true, writing()));
      expect(failure).toMatchObject({ code: "BMC_BUSY", details: { reason: "changed" } });
      expect(
        bmc.asked.filter(isPatch).some(({ headers }) => headers["if-match"] === undefined),
      ).toBe(false);
    });
  });

  it("sends a star where one must be sent and none is shown", async () => {
    const { matches, result } = await matchesFor({}, (match) => (match === undefined ? 428 : 204));
    expect(matches).toEqual([undefined, "*"]);
    expect(result).toBe("asked");
  });
});

describe("the identify light", () => {
  it("is left alone when it is so already", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      expect(await bmcs.setIndicator(ref, false, writing())).toBe("already");
      expect(bmc.asked.some(isPatch)).toBe(false);
    });
  });

  it.each([
    ["Off", true, { IndicatorLED: "Lit" }],
    ["Lit", false, { IndicatorLED: "Off" }],
  ])("of an older service that shows %s is set by IndicatorLED", async (led, on, body) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const system = bmc.resources[paths.system]!;
      delete system["LocationIndicatorActive"];
      system["IndicatorLED"] = led;
      expect(await bmcs.setIndicator(ref, on, writing())).toBe("asked");
      expect(bmc.asked.find(isPatch)?.body).toEqual(body);
      expect((await bmcs.readState(ref, reading())).indicator).toBe(on ? "on" : "off");
    });
  });

  it("blinks on a Dell, whose light is always lit", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.resources["/redfish/v1"]!["Vendor"] = "Dell";
      const system = bmc.resources[paths.system]!;
      delete system["LocationIndicatorActive"];
      system["IndicatorLED"] = "Lit";
      expect((await bmcs.readState(ref, reading())).indicator).toBe("off");
      await bmcs.setIndicator(ref, true, writing());
      expect(bmc.asked.find(isPatch)?.body).toEqual({ IndicatorLED: "Blinking" });
    });
  });

  it("is looked for in the chassis where the system has none, and missed where there is none", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      const system = bmc.resources[paths.system]!;
      delete system["LocationIndicatorActive"];
      expect((await failureOf(bmcs.setIndicator(ref, true, writing()))).code).toBe(
        "BMC_UNSUPPORTED",
      );
      system["Links"] = { Chassis: [{ "@odata.id": "/redfish/v1/Chassis/1" }] };
      bmc.resources["/redfish/v1/Chassis/1"] = { IndicatorLED: "Off" };
      expect(await bmcs.setIndicator(ref, true, writing())).toBe("asked");
      expect(bmc.resources["/redfish/v1/Chassis/1"]).toEqual({ IndicatorLED: "Lit" });
    });
  });
});
