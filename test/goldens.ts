import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Registry } from "prom-client";
import { VERSION } from "#doors/version.ts";
import { createApi } from "#http/api.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { workflows } from "#workflows/registry.ts";
import { failuresPage } from "./golden-failures.ts";
import { stepList, stepListPath } from "./golden-workflows.ts";

/**
 * Files that are generated and committed, so that a change of what is public shows in review. `npm run goldens`
 * writes them; a test compares.
 */

export interface Golden {
  /** Relative to the repository's root. */
  readonly path: string;
  make(): string;
}

/** Enough for the API to be described: its routes are made, and none is called. */
function describedApi() {
  const deps = { engine: { workflows: [], pace: 1 }, registry: new Registry(), version: VERSION };
  return createApi(deps as unknown as ApiDependencies);
}

export const goldens: readonly Golden[] = [
  {
    path: "openapi.json",
    make: () => `${JSON.stringify(describedApi().document, null, 2)}\n`,
  },
  { path: "docs/failures.md", make: failuresPage },
  ...workflows.map((workflow) => ({
    path: stepListPath(workflow),
    make: () => stepList(workflow),
  })),
];

const root = fileURLToPath(new URL("../", import.meta.url));

export function readGolden({ path }: Golden): string | null {
  try {
    return readFileSync(root + path, "utf8");
  } catch {
    return null;
  }
}

export function writeGoldens(): string[] {
  return goldens.map((golden) => {
    mkdirSync(dirname(root + golden.path), { recursive: true });
    writeFileSync(root + golden.path, golden.make());
    return golden.path;
  });
}

if (import.meta.main) process.stdout.write(`${writeGoldens().join("\n")}\n`);
