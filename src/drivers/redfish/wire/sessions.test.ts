import { describe, expect, it, vi } from "vitest";
import { paths } from "#drivers/redfish/testing/scripted-bmc.ts";
import {
  createTestDriver,
  credentials,
  reading,
  refTo,
  writing,
} from "#drivers/redfish/testing/test-driver.ts";
import { failureOf, withBmc } from "#drivers/redfish/testing/with-bmc.ts";
import { createMemorySessionStore } from "./session-store.ts";

const logins = (asked: readonly { method: string; path: string }[]): number =>
  asked.filter(({ method, path }) => method === "POST" && path === paths.sessions).length;

const full = {
  status: 503,
  body: { error: { "@Message.ExtendedInfo": [{ MessageId: "IDRAC.2.8.RAC0218" }] } },
};

describe("a session", () => {
  it("is shared by all verbs and ended when the driver closes", async () => {
    await withBmc(async ({ bmcs, bmc, ref, sessions }) => {
      await bmcs.connect(ref, reading());
      await bmcs.readState(ref, reading());
      await bmcs.setPower(ref, "on", writing());
      expect(logins(bmc.asked)).toBe(1);
      expect(bmc.sessions.size).toBe(1);
      await bmcs.close();
      expect(bmc.sessions.size).toBe(0);
      expect(sessions.all()).toEqual([]);
    });
  });

  it("is ended at once when it cannot be written down", async () => {
    const memory = createMemorySessionStore();
    const store = { ...memory, keep: () => Promise.reject(new Error("the database is away")) };
    await withBmc(
      async ({ bmcs, bmc, ref }) => {
        await expect(bmcs.readState(ref, reading())).rejects.toThrow("the database is away");
        expect(logins(bmc.asked)).toBe(1);
        expect(bmc.sessions.size).toBe(0);
      },
      { sessions: store },
    );
  });

  it("is looked for at the end only where there may be one", async () => {
    const memory = createMemorySessionStore();
    const looked: string[] = [];
    const find: typeof memory.find = (bmc, account) => {
      looked.push(account);
      return memory.find(bmc, account);
    };
    await withBmc(
      async ({ bmcs, bmc, ref, clock }) => {
        bmc.script = ({ method, path }) =>
          method === "POST" && path === paths.sessions ? { status: 401 } : undefined;
        const refused = { ...ref, credentials: "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XJ" } as const;
        expect((await failureOf(bmcs.connect(refused, reading()))).code).toBe("BMC_AUTH_FAILED");
        bmc.script = () => undefined;
        const idle = { ...ref, credentials: "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XK" } as const;
        await bmcs.readState(idle, reading());
        clock.advance(4_000_000);
        await vi.waitFor(() => expect(bmc.sessions.size).toBe(0));
        await bmcs.readState(ref, reading());
        looked.length = 0;
        await bmcs.close();
        expect(looked).toEqual([ref.credentials]);
        expect(bmc.sessions.size).toBe(0);
      },
      { sessions: { ...memory, find } },
    );
  });

  it("is ended once it was idle", async () => {
    await withBmc(async ({ bmcs, bmc, ref, clock, sessions }) => {
      await bmcs.readState(ref, reading());
      clock.advance(1_500_000);
      await vi.waitFor(() => expect(bmc.sessions.size).toBe(1));
      clock.advance(2_500_000);
      await vi.waitFor(() => expect(bmc.sessions.size).toBe(0));
      expect(sessions.all()).toEqual([]);
      await bmcs.readState(ref, reading());
      expect(logins(bmc.asked)).toBe(2);
    });
  });

  it("of a process that died is used by the next one, or ended by it", async () => {
    const store = createMemorySessionStore();
    await withBmc(
      async ({ bmcs, bmc, ref }) => {
        await bmcs.readState(ref, reading());
        // The first process is never closed: only the store remembers its session.
        const second = createTestDriver({ sessions: store });
        await second.bmcs.readState(ref, reading());
        expect(logins(bmc.asked)).toBe(1);
        second.clock.advance(5_000_000);
        await vi.waitFor(() => expect(bmc.sessions.size).toBe(0));
        await second.bmcs.close();
      },
      { sessions: store },
    );
  });

  it("that expired is replaced once, and the call repeated once", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      await bmcs.readState(ref, reading());
      bmc.sessions.clear();
      bmc.asked.length = 0;
      await bmcs.setPower(ref, "on", writing());
      expect(logins(bmc.asked)).toBe(1);
      expect(bmc.sessions.size).toBe(1);
      // The refused one was ended too: a BMC may refuse a session that it still counts.
      expect(bmc.asked.map(({ method, path }) => `${method} ${path}`)).toContain(
        `DELETE ${paths.sessions}/1`,
      );
    });
  });

  it("whose successor is refused as well ends in BMC_AUTH_FAILED", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) => (path === "/redfish/v1/Systems" ? { status: 401 } : undefined);
      const failure = await failureOf(bmcs.connect(ref, reading()));
      expect(failure.code).toBe("BMC_AUTH_FAILED");
      expect(logins(bmc.asked)).toBe(2);
    });
  });

  it("is kept once when two processes open one at the same moment", async () => {
    const store = createMemorySessionStore();
    await withBmc(
      async ({ bmcs, bmc, ref }) => {
        const second = createTestDriver({ sessions: store });
        await Promise.all([bmcs.readState(ref, reading()), second.bmcs.readState(ref, reading())]);
        expect(store.all()).toHaveLength(1);
        expect(bmc.sessions.size).toBe(1);
        await second.bmcs.close();
      },
      { sessions: store },
    );
  });

  it.each([
    [
      "an absolute Location",
      (path: string) => ({ Location: `https://10.9.8.7${path}` }),
      undefined,
    ],
    ["a Location in the body only", () => ({}), { "@odata.id": `${paths.sessions}/1` }],
  ])("can be ended with %s", async (_name, headers, body) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ method, path }) => {
        if (method !== "POST" || path !== paths.sessions) return undefined;
        bmc.sessions.set(`${paths.sessions}/1`, "odd");
        return {
          status: 201,
          headers: { "X-Auth-Token": "odd", ...headers(`${paths.sessions}/1`) },
          body,
        };
      };
      await bmcs.readState(ref, reading());
      await bmcs.disconnect(ref);
      expect(bmc.sessions.size).toBe(0);
    });
  });
});

describe("credentials", () => {
  it("that are refused are sent once and never again", async () => {
    await withBmc(async ({ bmcs, bmc, ref, logged }) => {
      bmc.script = ({ method, path, body }) =>
        method === "POST" && path === paths.sessions
          ? { status: 401, body: { error: { message: `wrong: ${JSON.stringify(body)}` } } }
          : undefined;
      const failure = await failureOf(bmcs.connect(ref, reading()));
      expect(failure.code).toBe("BMC_AUTH_FAILED");
      expect(logins(bmc.asked)).toBe(1);
      expect(bmc.asked.some(({ headers }) => "authorization" in headers)).toBe(false);
      // The BMC repeated the password; we do not.
      expect(failure.message).not.toContain(credentials.password);
      expect(logged.join()).not.toContain(credentials.password);
    });
  });

  it("refused by iLO's 400 are refused credentials too", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) =>
        path === paths.sessions
          ? {
              status: 400,
              body: {
                error: {
                  "@Message.ExtendedInfo": [{ MessageId: "iLO.2.8.UnauthorizedLoginAttempt" }],
                },
              },
            }
          : undefined;
      expect((await failureOf(bmcs.connect(ref, reading()))).code).toBe("BMC_AUTH_FAILED");
      expect(logins(bmc.asked)).toBe(1);
    });
  });

  it("of an account that must change its password are told apart, and no session is left", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ method, path }) => {
        if (method !== "POST" || path !== paths.sessions) return undefined;
        bmc.sessions.set(`${paths.sessions}/9`, "limited");
        return {
          status: 201,
          headers: { "X-Auth-Token": "limited", Location: `${paths.sessions}/9` },
          body: { "@Message.ExtendedInfo": [{ MessageId: "Base.1.18.PasswordChangeRequired" }] },
        };
      };
      const failure = await failureOf(bmcs.connect(ref, reading()));
      expect(failure).toMatchObject({
        code: "BMC_AUTH_FAILED",
        details: { reason: "password-change-required" },
      });
      expect(bmc.sessions.size).toBe(0);
    });
  });

  it("never stand in logs, nor does the token", async () => {
    await withBmc(async ({ bmcs, ref, logged }) => {
      await bmcs.connect(ref, reading());
      await bmcs.close();
      expect(logged.length).toBeGreaterThan(3);
      expect(logged.join()).not.toContain(credentials.password);
      expect(logged.join()).not.toContain("token-1");
    });
  });
});

describe("without sessions", () => {
  it.each([404, 405, 501])("Basic is used when opening one answers %i", async (status) => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ method, path }) =>
        method === "POST" && path === paths.sessions ? { status } : undefined;
      expect((await bmcs.connect(ref, reading())).auth).toBe("basic");
      await bmcs.readState(ref, reading());
      // Asked once; remembered afterwards.
      expect(logins(bmc.asked)).toBe(1);
    });
  });

  it("Basic is not used because of an error of the service", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) => (path === paths.sessions ? { status: 500 } : undefined);
      expect((await failureOf(bmcs.connect(ref, reading()))).code).toBe("BMC_BUSY");
      expect(bmc.asked.some(({ headers }) => "authorization" in headers)).toBe(false);
    });
  });

  it("Basic is not used after a session has worked", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      await bmcs.readState(ref, reading());
      bmc.sessions.clear();
      bmc.script = ({ method, path }) =>
        method === "POST" && path === paths.sessions ? { status: 404 } : undefined;
      expect((await failureOf(bmcs.readState(ref, reading()))).code).toBe("BMC_INVALID_RESPONSE");
      expect(bmc.asked.some(({ headers }) => "authorization" in headers)).toBe(false);
    });
  });

  it("a refusal of Basic is final", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path }) =>
        path === paths.root ? undefined : { status: path === paths.sessions ? 404 : 401 };
      expect((await failureOf(bmcs.connect(ref, reading()))).code).toBe("BMC_AUTH_FAILED");
      expect(bmc.calls()).toEqual(["GET /redfish/v1/Systems"]);
    });
  });
});

describe("a BMC that is out of sessions", () => {
  it("is asked by Basic for this operation, and for a session the next time", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ method, path }, times) =>
        method === "POST" && path === paths.sessions && times === 1 ? full : undefined;
      expect((await bmcs.connect(ref, reading())).auth).toBe("basic");
      expect((await bmcs.connect(ref, reading())).auth).toBe("session");
    });
  });

  it("that refuses Basic is busy: the credentials are not blamed", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      bmc.script = ({ path, headers }) => {
        if (path === paths.sessions) return full;
        return "authorization" in headers ? { status: 401 } : undefined;
      };
      const failure = await failureOf(bmcs.connect(ref, reading()));
      expect(failure).toMatchObject({ code: "BMC_BUSY", details: { reason: "out-of-sessions" } });
    });
  });

  it("is freed of the sessions that we could not end before", async () => {
    await withBmc(async ({ bmcs, bmc, ref }) => {
      await bmcs.readState(ref, reading());
      bmc.script = ({ method }) => (method === "DELETE" ? { cut: "before" } : undefined);
      await bmcs.disconnect(ref);
      expect(bmc.sessions.size).toBe(1);
      bmc.script = ({ method, path }) =>
        method === "POST" && path === paths.sessions && bmc.sessions.size > 0 ? full : undefined;
      expect((await bmcs.connect(refTo(bmc.address), reading())).auth).toBe("session");
      expect(bmc.sessions.size).toBe(1);
    });
  });
});
