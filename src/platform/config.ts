import { z } from "zod";

/** Every environment variable of Millwright: name, what is allowed, default. Anything else is an error at start. */

const whole = (min: number, max: number) => {
  const allowed = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number(allowed).int(allowed).min(min, allowed).max(max, allowed);
};
const port = whole(0, 65_535);
const loopbackOrHost = z.string().min(1);
const positive = z.coerce
  .number("must be a number greater than 0")
  .positive("must be a number greater than 0");

const origin = (allowed: readonly string[], example: string) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && allowed.includes(new URL(text).protocol),
      `must be a URL like ${example}`,
    );

const key32 = z
  .string()
  .refine(
    (text) => Buffer.from(text, "base64").length === 32,
    "must be 32 bytes, base64 (openssl rand -base64 32)",
  );

export const configSchema = z.object({
  MILLWRIGHT_HOST: loopbackOrHost.default("127.0.0.1"),
  MILLWRIGHT_PORT: port.default(4400),
  MILLWRIGHT_DATA_DIR: z.string().min(1).default(".millwright"),
  MILLWRIGHT_DATABASE_URL: origin(
    ["postgres:", "postgresql:"],
    "postgres://user@host:5432/name",
  ).optional(),
  MILLWRIGHT_BRIDGE_PORT: port.default(4401),
  MILLWRIGHT_ADMIN_KEY: z
    .string()
    .regex(/^mk_[A-Za-z0-9_-]{16,128}$/, "must be mk_ and 16 to 128 letters, digits, _ or -")
    .optional(),
  MILLWRIGHT_SECRET_KEY: key32.optional(),
  MILLWRIGHT_ENGINE: z
    .enum(["embedded", "trigger"], "must be embedded or trigger")
    .default("embedded"),
  MILLWRIGHT_CONCURRENCY: whole(1, 1_024).default(16),
  MILLWRIGHT_LEASE_MS: whole(100, 3_600_000).default(15_000),
  MILLWRIGHT_PACE: positive.optional(),
  MILLWRIGHT_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, "must be lower-case letters, digits and -")
    .default("local"),
  MILLWRIGHT_PUBLIC_URL: origin(["http:", "https:"], "http://10.0.0.1:4400").optional(),
  MILLWRIGHT_LAB_URL: origin(["http:"], "http://127.0.0.1:4500").optional(),
  MILLWRIGHT_LAB_PORT: port.default(4500),
  MILLWRIGHT_LAB_SERVERS: whole(0, 5_000).default(12),
  MILLWRIGHT_LAB_SPEED: positive.default(60),
  MILLWRIGHT_KUBECONFIG: z.string().min(1).optional(),
  MILLWRIGHT_KUBERNETES_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be the name of a namespace")
    .default("default"),
  MILLWRIGHT_BMC_CONCURRENCY: whole(1, 16).default(2),
  MILLWRIGHT_TRIGGER_DASHBOARD_URL: origin(
    ["http:", "https:"],
    "https://cloud.trigger.dev/orgs/acme/projects/millwright/env/prod",
  ).optional(),
  MILLWRIGHT_TRIGGER_ON_CANCEL: z
    .enum(["continue", "cancel"], "must be continue or cancel")
    .default("continue"),
  MILLWRIGHT_TRIGGER_SHORT_WAIT_MS: whole(0, 3_600_000).default(20_000),
  MILLWRIGHT_TRIGGER_MAX_DURATION_S: whole(5, 86_400).default(3_600),
  MILLWRIGHT_TRIGGER_QUEUED_MS: whole(200, 3_600_000).default(60_000),
  TRIGGER_API_URL: origin(["http:", "https:"], "https://api.trigger.dev").default(
    "https://api.trigger.dev",
  ),
  TRIGGER_SECRET_KEY: z.string().min(1).optional(),
  MILLWRIGHT_LOG_LEVEL: z
    .enum(
      ["debug", "info", "warn", "error", "silent"],
      "must be debug, info, warn, error or silent",
    )
    .default("info"),
});

export type Config = z.infer<typeof configSchema>;

/** What is wrong with the environment, one line per variable. */
export class ConfigError extends Error {
  constructor(lines: readonly string[]) {
    super(["the configuration is not valid:", ...lines.map((line) => `  ${line}`)].join("\n"));
    this.name = "ConfigError";
  }
}

/** What the engine `trigger` cannot do without: its workers are other processes, perhaps on other machines. */
const neededByTrigger = {
  MILLWRIGHT_SECRET_KEY: "the workers of the engine trigger decrypt stored credentials with it",
  MILLWRIGHT_PUBLIC_URL: "machines are told by the workers of the engine trigger where the API is",
  TRIGGER_SECRET_KEY: "the engine trigger needs the environment's secret key (tr_…)",
} as const;

/** Reads and checks the environment. Throws ConfigError; an empty value counts as not set. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const known = Object.keys(configSchema.shape);
  const given = Object.entries(environment).filter(
    ([name, value]) =>
      (name.startsWith("MILLWRIGHT_") || known.includes(name)) &&
      value !== undefined &&
      value !== "",
  );
  const lines = given
    .filter(([name]) => !known.includes(name))
    .map(([name]) => `${name} is not a setting; known are ${known.join(", ")}`);
  const parsed = configSchema.safeParse(Object.fromEntries(given));
  for (const issue of parsed.error?.issues ?? [])
    lines.push(`${issue.path.join(".")}: ${issue.message}`);
  if (parsed.data?.MILLWRIGHT_ENGINE === "trigger") {
    for (const [name, why] of Object.entries(neededByTrigger))
      if (parsed.data[name as keyof typeof neededByTrigger] === undefined)
        lines.push(`${name} is not set: ${why}`);
  }
  if (lines.length > 0 || parsed.data === undefined) throw new ConfigError(lines);
  return parsed.data;
}
