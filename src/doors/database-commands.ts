import { verifyAudit } from "#journal/audit.ts";
import { belongsTo, giveTheKey } from "#journal/installation.ts";
import { migrate, readMigrations } from "#journal/migrate.ts";
import { dump, restore } from "#journal/transfer.ts";
import { createCipher } from "#platform/cipher.ts";
import { type Config, readConfig } from "#platform/config.ts";
import type { Database } from "#platform/database.ts";
import type { DataDir } from "#platform/data-dir.ts";
import { rebuild } from "#projections/rebuild.ts";
import { linesOfFile, mustBeReadable, writeLines } from "./dump-file.ts";
import { resourceBindings } from "./foundation.ts";
import { knownSecretKey } from "./keys.ts";
import { openDatabase, takeDataDir } from "./open-database.ts";

/** The doors that work on the database while no control plane runs: each prints one line and exits. */

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function withDatabase(
  work: (
    database: Database,
    at: { readonly config: Config; readonly dir: DataDir },
  ) => Promise<void>,
): Promise<void> {
  const config = readConfig(process.env);
  const dir = takeDataDir(config);
  const database = await openDatabase(config, dir);
  try {
    await work(database, { config, dir });
  } finally {
    await database.close();
  }
}

export const migrateCommand = (): Promise<void> =>
  withDatabase(async (database) => {
    const applied = await migrate(database);
    say(applied.length === 0 ? "the schema is up to date" : `applied ${applied.join(", ")}`);
  });

export const rebuildCommand = (): Promise<void> =>
  withDatabase(async (database) => {
    await migrate(database);
    const { streams, runs, resources } = await rebuild({
      database,
      bindings: resourceBindings,
      now: Date.now(),
    });
    say(`rebuilt ${runs} runs and ${resources} resources from ${streams} streams`);
  });

export const auditCommand = (): Promise<void> =>
  withDatabase(async (database) => {
    await migrate(database);
    const { events, streams, problems, seals } = await verifyAudit(database);
    const { last, broken, unsealed } = seals;
    for (const { stream, version, problem } of problems)
      say(`${stream} event ${version}: ${problem}`);
    if (broken !== null) say(`seal ${broken.number}: ${broken.problem}`);
    if (last !== null)
      say(`sealed up to position ${last.to} by seal ${last.number} ${last.digest}`);
    say(
      `${events} events in ${streams} streams, ${unsealed} of them not sealed yet, ${problems.length + (broken === null ? 0 : 1)} problems`,
    );
    if (problems.length > 0 || broken !== null) process.exitCode = 1;
  });

export async function dumpCommand(file: string): Promise<void> {
  let lines = 0;
  await writeLines(file, (write) =>
    withDatabase(async (database) => {
      await migrate(database);
      await dump(database, new Date(), async (line) => {
        lines += 1;
        await write(line);
      });
    }),
  );
  say(
    `wrote ${lines} lines to ${file}; secrets in it are encrypted with this installation's secret key`,
  );
}

export async function restoreCommand(file: string): Promise<void> {
  await mustBeReadable(file);
  await withDatabase(async (database, { config, dir }) => {
    await migrate(database);
    const newest = readMigrations().at(-1)?.number ?? 0;
    const counts = await restore(database, linesOfFile(file), newest);
    const { runs, resources } = await rebuild({
      database,
      bindings: resourceBindings,
      now: Date.now(),
    });
    say(
      `restored ${counts["events"] ?? 0} events and ${counts["secrets"] ?? 0} secrets: ${runs} runs, ${resources} resources`,
    );
    const key = knownSecretKey(config, dir);
    if (key === null || !(await belongsTo(database, createCipher(key))))
      say(
        `this installation does not have the key of these secrets; before you start it, ${giveTheKey}`,
      );
  });
}
