import { describe, expect, test } from "vitest";
import { parseOptions } from "./options.ts";

describe("the lab's options", () => {
  test("have the documented defaults", () => {
    expect(parseOptions([], {})).toEqual({
      kind: "options",
      options: {
        host: "127.0.0.1",
        port: 4500,
        servers: 12,
        speed: 60,
        portBase: null,
        dataDir: ".millwright",
        hasNamedFaults: true,
        hasKubernetes: true,
        kubernetesPort: 0,
      },
    });
  });

  test("--no-kubernetes stands alone", () => {
    const parsed = parseOptions(["--no-kubernetes", "--servers", "3"], {});
    expect(parsed).toMatchObject({ options: { hasKubernetes: false, servers: 3 } });
  });

  test("a flag wins over its variable", () => {
    const parsed = parseOptions(["--servers", "3", "--port-base=9000", "--named-faults", "no"], {
      MILLWRIGHT_LAB_SERVERS: "5",
      MILLWRIGHT_LAB_SPEED: "7.5",
    });
    expect(parsed).toMatchObject({
      options: { servers: 3, speed: 7.5, portBase: 9000, hasNamedFaults: false },
    });
  });

  test.each([
    [["--servers", "many"], {}, '--servers is "many", but must be a whole number from 0 to 5000'],
    [["--speed", "0"], {}, '--speed is "0", but must be a number from 1 to 10000'],
    [["--port"], {}, "--port needs a value: a whole number from 0 to 65535"],
    [["--prot", "1"], {}, /^--prot is not known; the flags are --servers, /],
    [[], { MILLWRIGHT_LAB_PORT: "x" }, /^MILLWRIGHT_LAB_PORT is "x", but must be /],
    [["--named-faults", "perhaps"], {}, '--named-faults is "perhaps", but must be yes or no'],
    [
      ["--port-base", "65530"],
      {},
      "--port-base 65530 leaves too few ports below 65536 for 12 servers",
    ],
  ])("%j is an error that names it and what is allowed", (args, environment, message) => {
    const parsed = parseOptions(args, environment);
    expect(parsed).toEqual({
      kind: "error",
      message: typeof message === "string" ? message : expect.stringMatching(message),
    });
  });
});
