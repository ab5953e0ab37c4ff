import { accept } from "./accept.ts";
import { engines } from "./engines.ts";
import { fleet } from "./fleet.ts";
import { list } from "./list.ts";
import { recover } from "./recover.ts";
import { type Benchmark, tableText } from "./report.ts";
import { steps } from "./steps.ts";
import { wake } from "./wake.ts";

/** The door of the benchmarks: `npm run bench [-- name …] [--quick]`. */

const benchmarks: readonly Benchmark[] = [accept, steps, wake, recover, list, engines, fleet];

const usage = (): string =>
  [
    "Usage: npm run bench -- [name …] [--quick]",
    "",
    ...benchmarks.map(({ name, summary }) => `  ${name.padEnd(9)}${summary}`),
    "",
    "Without a name all are run. --quick does a tenth of the work or less: it shows that they run, not how fast.",
    "PGlite is always measured; PostgreSQL too when TEST_DATABASE_URL names a server whose user may create databases.",
    "",
  ].join("\n");

async function main(words: readonly string[]): Promise<void> {
  const names = words.filter((word) => !word.startsWith("-"));
  const flags = words.filter((word) => word.startsWith("-"));
  const unknown = [
    ...names.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name)),
    ...flags.filter((flag) => flag !== "--quick"),
  ];
  if (unknown.length > 0) {
    process.stderr.write(`bench: not known: ${unknown.join(", ")}\n\n${usage()}`);
    process.exitCode = 2;
    return;
  }
  const quick = flags.includes("--quick");
  for (const benchmark of benchmarks) {
    if (names.length > 0 && !names.includes(benchmark.name)) continue;
    const { tables, notes, figures } = await benchmark.run({
      quick,
      progress: (text) => process.stderr.write(`${benchmark.name}: ${text}\n`),
    });
    for (const table of tables) process.stdout.write(`\n${tableText(table)}`);
    process.stdout.write(`\n${notes.join("\n")}\n\n`);
    process.stdout.write(`${JSON.stringify({ bench: benchmark.name, quick, ...figures })}\n`);
  }
}

await main(process.argv.slice(2));
