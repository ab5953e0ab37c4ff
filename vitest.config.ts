import { defineConfig } from "vitest/config";

const common = { pool: "forks" as const, testTimeout: 60_000, hookTimeout: 120_000 };

/**
 * Two kinds of tests. Those beside the code need a processor and use both. Those that start the program as it ships (a
 * lab, control planes, databases, other people's clients) come afterwards. They spend more than half of their time waiting
 * for machines of the lab, so two files share the two cores of the smallest machine that we promise to run on. Nothing
 * in a world is shared with another: ports, data directories, databases and servers are each file's own.
 */
const worlds = [
  "test/**/*.test.ts",
  "lab/clients/**/*.test.ts",
  "lab/lab.test.ts",
  "lab/main.test.ts",
];

export default defineConfig({
  test: {
    reporters: ["default", "./test/tally-reporter.ts"],
    projects: [
      {
        test: {
          ...common,
          name: "code",
          include: ["src/**/*.test.ts", "lab/**/*.test.ts"],
          exclude: worlds,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: "worlds",
          include: worlds,
          maxWorkers: 2,
          hookTimeout: 180_000,
          // Whole worlds run on real time and real processes; a machine that is starved for a minute must not decide.
          retry: process.env["CI"] === undefined ? 0 : 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
