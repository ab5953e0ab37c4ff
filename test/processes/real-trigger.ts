import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auth, runs } from "@trigger.dev/sdk";
import { type Child, endChild, startCommand } from "./child.ts";
import type { Slice, SlicePlatform } from "./stand-in.ts";

/**
 * A real Trigger.dev, cloud or self-hosted, with the worker of `trigger.dev dev` on this machine. Used when the environment
 * names one; its faults are its own.
 */
export interface RealTrigger {
  readonly apiUrl: string;
  readonly secretKey: string;
  /** For the CLI (`tr_pat_…`). */
  readonly accessToken: string;
}

/** The platform that the environment names, null when it names none. */
export function realTrigger(
  environment: Readonly<Record<string, string | undefined>>,
): RealTrigger | null {
  const {
    TRIGGER_API_URL: apiUrl,
    TRIGGER_SECRET_KEY: secretKey,
    TRIGGER_ACCESS_TOKEN: accessToken,
  } = environment;
  return apiUrl === undefined || secretKey === undefined || accessToken === undefined
    ? null
    : { apiUrl, secretKey, accessToken };
}

/** The same as the SDK that the tasks are made with. */
const CLI = "trigger.dev@4.8.3";

/** `env`: what the workers find in their environment. */
export async function startRealTrigger(
  { apiUrl, secretKey, accessToken }: RealTrigger,
  env: Readonly<Record<string, string>>,
): Promise<SlicePlatform> {
  const folder = mkdtempSync(join(tmpdir(), "millwright-trigger-"));
  const envFile = join(folder, "env");
  writeFileSync(
    envFile,
    Object.entries(env)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
      .join(""),
    { mode: 0o600 },
  );
  const child: Child = startCommand(
    "npx",
    ["--yes", CLI, "dev", "--skip-update-check", "--env-file", envFile],
    {
      ...env,
      TRIGGER_API_URL: apiUrl,
      TRIGGER_SECRET_KEY: secretKey,
      TRIGGER_ACCESS_TOKEN: accessToken,
    },
  );
  await child.says(/worker ready/i);
  auth.configure({ baseURL: apiUrl, accessToken: secretKey });
  return {
    child,
    url: apiUrl,
    secretKey,
    async slicesOf(run) {
      const page = await runs.list({ tag: `run:${run}`, limit: 100 });
      const slices: Slice[] = [];
      for (const { id } of page.data) {
        const found = await runs.retrieve(id);
        slices.push({
          id,
          task: found.taskIdentifier,
          status: found.status,
          payload: JSON.stringify({ json: found.payload as unknown }),
          tags: found.tags,
          idempotencyKey: found.idempotencyKey ?? null,
          concurrencyKey: null,
          maxDuration: null,
          metadata: found.metadata ?? {},
          error: found.error === undefined ? null : { message: found.error.message },
        });
      }
      // The list has the newest first.
      return slices.toReversed();
    },
    cancel: async (slice) => void (await runs.cancel(slice)),
    async stop() {
      await endChild(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
