import { defineConfig } from "@trigger.dev/sdk";

/** The project at Trigger.dev (docs/trigger-dev.md). Nothing here decides about correctness: see src/tasks.ts. */
export default defineConfig({
  project: process.env["TRIGGER_PROJECT_REF"] ?? "proj_millwright",
  dirs: ["./src"],
  // Every file that is found is loaded to see what tasks it has: only src/tasks.ts may be, and it has all of them.
  ignorePatterns: ["src/*/**", "src/main.ts"],
  runtime: "node-24",
  logLevel: "info",
  // Seconds; each slice is triggered with the configured limit (MILLWRIGHT_TRIGGER_MAX_DURATION_S).
  maxDuration: 3_600,
  // What is lost is handed over again by the schedule.
  retries: { enabledInDev: false, default: { maxAttempts: 1 } },
  // Opening the worker costs more than most slices; module state is the worker alone, which is meant to be shared.
  processKeepAlive: { enabled: true, maxExecutionsPerProcess: 50, devMaxPoolSize: 25 },
  build: {
    // The embedded database is no part of a worker.
    external: ["@electric-sql/pglite"],
  },
});
