/** How a lab is started. */
export interface Options {
  readonly host: string;
  /** Control port; 0 means any. */
  readonly port: number;
  /** Number of healthy servers. */
  readonly servers: number;
  /** How many times as fast as life. */
  readonly speed: number;
  /** Port of the first BMC, the others follow; null means free ones. */
  readonly portBase: number | null;
  readonly dataDir: string;
  /** Whether one machine of each named fault is added. */
  readonly hasNamedFaults: boolean;
  readonly hasKubernetes: boolean;
  /** Port of the Kubernetes API server; 0 means the one that it had, or a free one. */
  readonly kubernetesPort: number;
}

export const usage = `Usage: npm run lab -- [options]

  --servers N            healthy servers, 0 to 5000 (12)              MILLWRIGHT_LAB_SERVERS
  --speed N              times as fast as life, 1 to 10000 (60)       MILLWRIGHT_LAB_SPEED
  --port N               control port, 0 = any (4500)                 MILLWRIGHT_LAB_PORT
  --port-base N          port of the first BMC (free ports)
  --data-dir DIR         where the state is kept (.millwright)        MILLWRIGHT_DATA_DIR
  --host ADDRESS         where the lab listens (127.0.0.1)            MILLWRIGHT_HOST
  --named-faults yes|no  one machine of each named fault (yes)
  --kubernetes-port N    port of the Kubernetes API server (a free port)
  --no-kubernetes        no Kubernetes API server
  --help                 this text
`;

export type Parsed =
  | { readonly kind: "options"; readonly options: Options }
  | { readonly kind: "help" }
  /** One line that names the flag or variable and says what is allowed. */
  | { readonly kind: "error"; readonly message: string };

interface Setting {
  readonly flag: string;
  readonly variable?: string;
  readonly fallback: string;
  /** What is allowed, as the end of a sentence. */
  readonly allowed: string;
  readonly isValid: (text: string) => boolean;
  /** The flag stands alone and means yes. */
  readonly isAlone?: true;
}

function wholeNumber(from: number, to: number): Pick<Setting, "allowed" | "isValid"> {
  return {
    allowed: `a whole number from ${from} to ${to}`,
    isValid: (text) => /^\d{1,7}$/.test(text) && Number(text) >= from && Number(text) <= to,
  };
}

const notEmpty = { allowed: "a text that is not empty", isValid: (text: string) => text !== "" };

const settings = {
  servers: {
    flag: "--servers",
    variable: "MILLWRIGHT_LAB_SERVERS",
    fallback: "12",
    ...wholeNumber(0, 5000),
  },
  speed: {
    flag: "--speed",
    variable: "MILLWRIGHT_LAB_SPEED",
    fallback: "60",
    allowed: "a number from 1 to 10000",
    isValid: (text) => /^\d+(\.\d+)?$/.test(text) && Number(text) >= 1 && Number(text) <= 10_000,
  },
  port: {
    flag: "--port",
    variable: "MILLWRIGHT_LAB_PORT",
    fallback: "4500",
    ...wholeNumber(0, 65_535),
  },
  portBase: { flag: "--port-base", fallback: "", ...wholeNumber(1, 65_535) },
  dataDir: {
    flag: "--data-dir",
    variable: "MILLWRIGHT_DATA_DIR",
    fallback: ".millwright",
    ...notEmpty,
  },
  namedFaults: {
    flag: "--named-faults",
    fallback: "yes",
    allowed: "yes or no",
    isValid: (text) => text === "yes" || text === "no",
  },
  kubernetesPort: { flag: "--kubernetes-port", fallback: "0", ...wholeNumber(0, 65_535) },
  noKubernetes: {
    flag: "--no-kubernetes",
    fallback: "no",
    allowed: "given without a value",
    isValid: (text) => text === "yes",
    isAlone: true,
  },
  host: { flag: "--host", variable: "MILLWRIGHT_HOST", fallback: "127.0.0.1", ...notEmpty },
} as const satisfies Record<string, Setting>;

type Name = keyof typeof settings;

/** Reads flags and environment. A flag wins over its variable, a variable over the default. */
export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Parsed {
  const texts = new Map<Name, string>();
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (arg === "--help" || arg === "-h") return { kind: "help" };
    const equals = arg.indexOf("=");
    const flag = equals === -1 ? arg : arg.slice(0, equals);
    const name = nameOfFlag(flag);
    if (name === undefined) {
      const known = Object.values(settings).map((setting) => setting.flag);
      return {
        kind: "error",
        message: `${arg} is not known; the flags are ${known.join(", ")} and --help`,
      };
    }
    const isAlone = "isAlone" in settings[name] && equals === -1;
    if (equals === -1 && !isAlone) at += 1;
    const text = isAlone ? "yes" : equals === -1 ? args[at] : arg.slice(equals + 1);
    if (text === undefined)
      return { kind: "error", message: `${flag} needs a value: ${settings[name].allowed}` };
    const problem = check(name, flag, text);
    if (problem !== undefined) return problem;
    texts.set(name, text);
  }
  for (const [name, setting] of entriesOf(settings)) {
    if (texts.has(name) || !("variable" in setting)) continue;
    const text = environment[setting.variable];
    if (text === undefined) continue;
    const problem = check(name, setting.variable, text);
    if (problem !== undefined) return problem;
    texts.set(name, text);
  }
  return build((name) => texts.get(name) ?? settings[name].fallback);
}

function build(text: (name: Name) => string): Parsed {
  const portBase = text("portBase") === "" ? null : Number(text("portBase"));
  const servers = Number(text("servers"));
  const last = (portBase ?? 0) + servers + mostNamedFaults;
  if (portBase !== null && last > 65_536) {
    return {
      kind: "error",
      message: `--port-base ${portBase} leaves too few ports below 65536 for ${servers} servers`,
    };
  }
  return {
    kind: "options",
    options: {
      host: text("host"),
      port: Number(text("port")),
      servers,
      speed: Number(text("speed")),
      portBase,
      dataDir: text("dataDir"),
      hasNamedFaults: text("namedFaults") === "yes",
      hasKubernetes: text("noKubernetes") !== "yes",
      kubernetesPort: Number(text("kubernetesPort")),
    },
  };
}

const mostNamedFaults = 7;

function nameOfFlag(flag: string): Name | undefined {
  return entriesOf(settings).find(([, setting]) => setting.flag === flag)?.[0];
}

function entriesOf(all: typeof settings): readonly (readonly [Name, Setting])[] {
  return Object.entries(all) as readonly (readonly [Name, Setting])[];
}

function check(name: Name, source: string, text: string): Parsed | undefined {
  const setting: Setting = settings[name];
  if (setting.isValid(text)) return undefined;
  return {
    kind: "error",
    message: `${source} is ${JSON.stringify(text)}, but must be ${setting.allowed}`,
  };
}
