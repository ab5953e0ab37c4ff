import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { expect, it } from "vitest";
import { Platform } from "#lab/trigger/platform.ts";
import { TriggerServer } from "#lab/trigger/server.ts";

/**
 * What `trigger.dev deploy` would upload: the tasks in one file, with packages outside of it. It has no files of ours beside
 * it, so nothing in it may look for any.
 */
const root = fileURLToPath(new URL("../../", import.meta.url));

async function bundle(folder: string): Promise<{ readonly file: string; readonly text: string }> {
  const warnings: string[] = [];
  const bundled = await rolldown({
    cwd: root,
    input: "src/tasks.ts",
    platform: "node",
    // The platform installs packages; what is ours is bundled.
    external: (id) =>
      !id.startsWith("#") && !id.startsWith(".") && !id.startsWith("/") && id !== "src/tasks.ts",
    onwarn: ({ message }) => void warnings.push(message),
  });
  const file = join(folder, "tasks.mjs");
  await bundled.write({ file, format: "esm", codeSplitting: false });
  await bundled.close();
  expect(warnings).toEqual([]);
  return { file, text: readFileSync(file, "utf8") };
}

it("bundles the tasks without anything that looks for files beside it, and a worker loads it", async () => {
  // In the project, so that the packages are found.
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "bundle-"));
  try {
    const { file, text } = await bundle(folder);
    expect(text).not.toContain("import.meta.url");
    const secretKey = "tr_dev_bundle";
    const env: Record<string, string | undefined> = {
      ...process.env,
      TRIGGER_SECRET_KEY: secretKey,
    };
    const platform = new Platform({
      tasksFile: file,
      env,
      concurrency: 1,
      runsPerProcess: 1,
      stallMs: 60_000,
      now: Date.now,
      newId: () => "run_bundled",
    });
    const server = new TriggerServer({ platform, secretKey, now: Date.now });
    env["TRIGGER_API_URL"] = await server.listen("127.0.0.1", 0);
    try {
      platform.trigger("server.inspect", {
        payload: { runId: "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH", slice: 1 },
        options: {},
      });
      // Without a configuration it gets as far as to say so.
      await expect
        .poll(() => platform.run("run_bundled"), { timeout: 30_000 })
        .toMatchObject({
          status: "FAILED",
          error: { message: expect.stringContaining("MILLWRIGHT_DATABASE_URL") },
        });
    } finally {
      await platform.close();
      await server.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
