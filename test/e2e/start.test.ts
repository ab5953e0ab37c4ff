import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Child, endChild, startChild } from "#test/processes/child.ts";
import { copyDatabase } from "#test/processes/prepared-database.ts";

/** The door `start`: the control plane beside a lab of its own. */

let dataDir: string;
let children: Child[];
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "millwright-start-"));
  children = [];
  await copyDatabase(dataDir);
});
afterEach(async () => {
  for (const child of children) await endChild(child);
  rmSync(dataDir, { recursive: true, force: true });
});

const start = (more: Readonly<Record<string, string>> = {}): Child => {
  const child = startChild({
    door: "src/main.ts",
    args: ["start"],
    env: {
      MILLWRIGHT_PORT: "0",
      MILLWRIGHT_DATA_DIR: dataDir,
      MILLWRIGHT_LAB_PORT: "0",
      MILLWRIGHT_LAB_SERVERS: "2",
      ...more,
    },
  });
  children.push(child);
  return child;
};

describe("start", { timeout: 180_000 }, () => {
  it("on a data directory in use is refused before its lab is touched", async () => {
    const first = start();
    await first.says(/is ready at (\S+)/);
    // A digest, because private keys are in it.
    const world = (): string =>
      createHash("sha256")
        .update(readFileSync(join(dataDir, "lab", "world.jsonl")))
        .digest("hex");
    const before = world();
    const second = start();
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.stderr()).toMatch(
      /^millwright: the data directory \S+ is in use by another Millwright process; .*\n$/,
    );
    expect(world()).toBe(before);
    first.signal("SIGTERM");
    expect(await first.ended).toEqual({ code: 0, signal: null });
  });

  it("prints lines that a shell takes as they are", async () => {
    const child = start();
    const [, url = ""] = await child.says(/is ready at (\S+)/);
    await child.says(/\$COMPUTE\/vms"\n/);
    // Unquoted, a shell may take `?` for a pattern of file names.
    expect(child.stdout()).toContain(` '${url}/v1/workflows/runs?limit=1'\n`);
    // What the README's example uses is defined by what is printed.
    expect(child.stdout()).toMatch(/\n {2}export SERVERS=http:\S+\/infrastructure\/servers\n/);
    const lines = child.stdout().split("\n");
    const curls = lines.filter(
      (line) => line.startsWith("  export ") || line.startsWith("  curl "),
    );
    const { stdout } = await promisify(execFile)("bash", ["-f", "-c", curls.join("\n")]);
    expect(stdout.match(/"success":true/g)).toHaveLength(5);
  });

  it("ends in order, and says why, when its lab does", async () => {
    const child = start();
    await child.says(/is ready at (\S+)/);
    const [lab, ...others] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")
      .trim()
      .split(" ")
      .map(Number);
    expect([lab, others]).toEqual([expect.any(Number), []]);
    process.kill(lab!, "SIGKILL");
    expect(await child.ended).toEqual({ code: 1, signal: null });
    expect(child.stderr()).toContain(
      "millwright: the lab has ended (by SIGKILL), so its control plane stops too\n",
    );
  });

  it("names the setting of a port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const child = start({ MILLWRIGHT_PORT: String(port), MILLWRIGHT_LOG_LEVEL: "silent" });
    expect(await child.ended).toEqual({ code: 1, signal: null });
    other.close();
    expect(child.stderr()).toBe(
      `millwright: port ${port} is in use; choose another with MILLWRIGHT_PORT (0 = any)\n`,
    );
  });

  it("names the setting of a database that nobody serves", async () => {
    const child = start({ MILLWRIGHT_DATABASE_URL: "postgres://postgres@127.0.0.1:1/postgres" });
    expect(await child.ended).toEqual({ code: 1, signal: null });
    expect(child.stderr()).toMatch(/^millwright: .*MILLWRIGHT_DATABASE_URL.*ECONNREFUSED.*\n$/);
  });
});
