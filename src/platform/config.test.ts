import { expect, it } from "vitest";
import { ConfigError, configSchema, readConfig } from "./config.ts";

const complaint = (environment: Record<string, string>): string => {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("the environment was accepted");
};

it("has a default or a meaning of absence for every setting", () => {
  expect(readConfig({})).toEqual({
    MILLWRIGHT_HOST: "127.0.0.1",
    MILLWRIGHT_PORT: 4400,
    MILLWRIGHT_DATA_DIR: ".millwright",
    MILLWRIGHT_BRIDGE_PORT: 4401,
    MILLWRIGHT_ENGINE: "embedded",
    MILLWRIGHT_CONCURRENCY: 16,
    MILLWRIGHT_LEASE_MS: 15_000,
    MILLWRIGHT_REGION: "local",
    MILLWRIGHT_LAB_PORT: 4500,
    MILLWRIGHT_LAB_SERVERS: 12,
    MILLWRIGHT_LAB_SPEED: 60,
    MILLWRIGHT_BMC_CONCURRENCY: 2,
    MILLWRIGHT_KUBERNETES_NAMESPACE: "default",
    MILLWRIGHT_TRIGGER_ON_CANCEL: "continue",
    MILLWRIGHT_TRIGGER_SHORT_WAIT_MS: 20_000,
    MILLWRIGHT_TRIGGER_MAX_DURATION_S: 3_600,
    MILLWRIGHT_TRIGGER_QUEUED_MS: 60_000,
    TRIGGER_API_URL: "https://api.trigger.dev",
    MILLWRIGHT_LOG_LEVEL: "info",
  });
});

it("says what the engine trigger cannot do without", () => {
  const message = complaint({ MILLWRIGHT_ENGINE: "trigger" });
  for (const name of ["MILLWRIGHT_SECRET_KEY", "MILLWRIGHT_PUBLIC_URL", "TRIGGER_SECRET_KEY"])
    expect(message).toContain(`${name} is not set: `);
});

it("takes an empty value as not set, and looks at no other program's variables", () => {
  expect(readConfig({ MILLWRIGHT_PORT: "", PORT: "x", HOME: "/root" }).MILLWRIGHT_PORT).toBe(4400);
});

it("refuses a name that it does not know, and lists those that it does", () => {
  const message = complaint({ MILLWRIGHT_PROT: "80" });
  expect(message).toContain("MILLWRIGHT_PROT is not a setting");
  for (const name of Object.keys(configSchema.shape)) expect(message).toContain(name);
});

it.each([
  ["MILLWRIGHT_PORT", "http", "must be a whole number from 0 to 65535"],
  ["MILLWRIGHT_PORT", "65536", "must be a whole number from 0 to 65535"],
  ["MILLWRIGHT_PORT", "1.5", "must be a whole number from 0 to 65535"],
  ["MILLWRIGHT_DATABASE_URL", "mysql://x", "postgres://"],
  ["MILLWRIGHT_ADMIN_KEY", "secret", "mk_"],
  ["MILLWRIGHT_SECRET_KEY", "c2hvcnQ=", "32 bytes, base64"],
  ["MILLWRIGHT_ENGINE", "steam", "must be embedded"],
  ["MILLWRIGHT_CONCURRENCY", "0", "from 1 to 1024"],
  ["MILLWRIGHT_LEASE_MS", "99", "from 100 to 3600000"],
  ["MILLWRIGHT_PACE", "-1", "greater than 0"],
  ["MILLWRIGHT_REGION", "Frankfurt am Main", "lower-case"],
  ["MILLWRIGHT_PUBLIC_URL", "ftp://x", "http://"],
  ["MILLWRIGHT_LAB_URL", "127.0.0.1:4500", "http://127.0.0.1:4500"],
  ["MILLWRIGHT_LOG_LEVEL", "loud", "debug, info, warn, error or silent"],
])("names %s when it is %j, and what is allowed", (name, value, allowed) => {
  const message = complaint({ [name]: value });
  expect(message).toContain(`${name}: `);
  expect(message).toContain(allowed);
});

it("tells of all mistakes at once, one line each", () => {
  const lines = complaint({
    MILLWRIGHT_PORT: "x",
    MILLWRIGHT_ENGINE: "x",
    MILLWRIGHT_X: "x",
  }).split("\n");
  expect(lines).toHaveLength(4);
});
