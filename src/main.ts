import { enableCompileCache, flushCompileCache } from "node:module";

/**
 * The doors of the control plane. Each reads its configuration from the environment (docs/operations.md), says what
 * is wrong in one line and exits 1, or does its work.
 */

interface Command {
  readonly usage: string;
  readonly summary: string;
  /** Positional arguments by name, all required. */
  readonly arguments: readonly string[];
  /** It also takes words that it reads itself. */
  readonly more?: true;
  run(...given: string[]): Promise<void>;
}

// Each door is loaded when it is used: `--help` need not wait for a database engine to load.
const commands: Readonly<Record<string, Command>> = {
  start: {
    usage: "start",
    summary: "the control plane, beside a lab when no infrastructure is configured",
    arguments: [],
    run: async () => (await import("#doors/start.ts")).start(),
  },
  serve: {
    usage: "serve",
    summary: "the control plane alone",
    arguments: [],
    run: async () => (await import("#doors/serve.ts")).serve(),
  },
  demo: {
    usage: "demo [--engine embedded|trigger]",
    summary:
      "plays the lives of servers, a cluster and a virtual machine on a throw-away installation",
    arguments: [],
    more: true,
    run: async (...words) => (await import("#doors/demo/demo.ts")).demo(words),
  },
  migrate: {
    usage: "migrate",
    summary: "brings the database's schema up to date",
    arguments: [],
    run: async () => (await import("#doors/database-commands.ts")).migrateCommand(),
  },
  rebuild: {
    usage: "rebuild",
    summary: "drops every read model and folds it again from the journal",
    arguments: [],
    run: async () => (await import("#doors/database-commands.ts")).rebuildCommand(),
  },
  dump: {
    usage: "dump <file>",
    summary: "writes the journal, secrets (encrypted) and API keys (hashed) to a file",
    arguments: ["file"],
    run: async (file) => (await import("#doors/database-commands.ts")).dumpCommand(file ?? ""),
  },
  restore: {
    usage: "restore <file>",
    summary: "fills an empty database from such a file",
    arguments: ["file"],
    run: async (file) => (await import("#doors/database-commands.ts")).restoreCommand(file ?? ""),
  },
  "audit verify": {
    usage: "audit verify",
    summary: "checks every event of the journal against its digest",
    arguments: [],
    run: async () => (await import("#doors/database-commands.ts")).auditCommand(),
  },
};

const usageWidth = Math.max(...Object.values(commands).map(({ usage }) => usage.length)) + 2;

const usage = (): string =>
  [
    "Usage: npm run millwright -- <command>",
    "",
    ...Object.values(commands).map(
      (command) => `  ${command.usage.padEnd(usageWidth)}${command.summary}`,
    ),
    "",
  ].join("\n");

/** Finds the command of one or two words, and what follows it. */
function parse(
  words: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } | null {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    const command = words.length >= length ? commands[name] : undefined;
    if (command !== undefined) return { command, rest: words.slice(length) };
  }
  return null;
}

async function main(words: readonly string[]): Promise<void> {
  if (
    words.length === 0 ||
    words.includes("--help") ||
    words.includes("-h") ||
    words[0] === "help"
  ) {
    process.stdout.write(usage());
    return;
  }
  const parsed = parse(words);
  const hasWords =
    parsed !== null &&
    (parsed.command.more === true || parsed.rest.length === parsed.command.arguments.length);
  if (parsed === null || !hasWords) {
    const wrong =
      parsed === null ? `there is no command ${words.join(" ")}` : `usage: ${parsed.command.usage}`;
    process.stderr.write(`millwright: ${wrong}\n\n${usage()}`);
    process.exitCode = 2;
    return;
  }
  await parsed.command.run(...parsed.rest);
}

// Compiled code is kept between starts, so that a process that takes over after a crash is there in half the time.
enableCompileCache();
try {
  await main(process.argv.slice(2));
  // Written now and not at the end, which may be a kill.
  flushCompileCache();
} catch (error) {
  const debug = process.env["MILLWRIGHT_LOG_LEVEL"] === "debug";
  const text = error instanceof Error ? (debug ? error.stack : error.message) : String(error);
  process.stderr.write(`millwright: ${text}\n`);
  process.exit(1);
}
