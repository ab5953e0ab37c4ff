import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { present, tryBmc, until } from "./clients/try-lab.ts";
import type { Entry } from "./clients/try-lab.ts";

const main = path.join(import.meta.dirname, "main.ts");
const dataDir = mkdtempSync(path.join(tmpdir(), "lab-main-"));
const children = new Set<ChildProcess>();

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(dataDir, { recursive: true, force: true });
});

const system = "/redfish/v1/Systems/System.Embedded.1";
const small = ["--port", "0", "--servers", "2", "--named-faults", "no", "--data-dir", dataDir];

/** A lab as a child process with a channel, as `npm start` runs it. */
async function forkLab(
  ...args: string[]
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(main, [...small, ...args], {
    execPath: process.execPath,
    execArgv: [],
    silent: true,
  });
  children.add(child);
  const [message] = (await once(child, "message")) as [{ type: string; url: string }];
  expect(message.type).toBe("ready");
  return { child, url: message.url };
}

async function list(url: string): Promise<readonly Entry[]> {
  const answer = await fetch(`${url}/_lab`);
  return ((await answer.json()) as { bmcs: Entry[] }).bmcs;
}

interface Detail {
  readonly phase: { readonly kind: string };
  readonly disks: readonly { readonly os: string | null }[];
}

async function detail(url: string, name: string): Promise<Detail> {
  return (await (await fetch(`${url}/_lab/bmcs/${name}`)).json()) as Detail;
}

async function exitOf(child: ChildProcess): Promise<unknown> {
  const [code] = await once(child, "exit");
  return code;
}

function run(...args: string[]): Promise<{ readonly code: number | null; readonly error: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    children.add(child);
    let error = "";
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
    child.on("close", (code) => resolve({ code, error }));
  });
}

describe("the lab's process", () => {
  test("killed during an installation, it comes back the same and the installation ends", async () => {
    const first = await forkLab("--speed", "100");
    const before = await list(first.url);
    const bmc = tryBmc(present(before[0]));
    const image = `${first.url}/images/debian-13-installer.iso`;
    await bmc.post(`${system}/VirtualMedia/1/Actions/VirtualMedia.InsertMedia`, { Image: image });
    await bmc.post(`${system}/Actions/ComputerSystem.Reset`, { ResetType: "On" });
    await until(
      () => detail(first.url, bmc.name),
      ({ phase }) => phase.kind === "installing",
    );
    first.child.kill("SIGKILL");
    await exitOf(first.child);

    const second = await forkLab("--speed", "100");
    expect(await list(second.url)).toEqual(before);
    const after = await until(
      () => detail(second.url, bmc.name),
      ({ phase }) => phase.kind === "os",
    );
    expect(after.disks[0]?.os).toBe("debian-13");
    expect((await bmc.get(system)).body["PowerState"]).toBe("On");
    const exited = exitOf(second.child);
    second.child.disconnect();
    expect(await exited).toBe(0);
  });

  test.skipIf(process.platform === "win32")("ends with 0 on SIGTERM", async () => {
    const { child } = await forkLab();
    const exited = exitOf(child);
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
  });

  test("refuses a directory that another lab is using, and leaves its state alone", async () => {
    const { child } = await forkLab();
    // A digest, because private keys are in it.
    const world = (): string =>
      createHash("sha256")
        .update(readFileSync(path.join(dataDir, "lab", "world.jsonl")))
        .digest("hex");
    const before = world();
    expect(await run(...small)).toEqual({
      code: 1,
      error: expect.stringMatching(
        new RegExp(
          `^lab: the data directory ${dataDir} is in use by another lab; .*MILLWRIGHT_LAB_URL=http://127.0.0.1:4500 npm run serve.*\\n$`,
        ),
      ) as string,
    });
    expect(world()).toBe(before);
    const exited = exitOf(child);
    child.kill("SIGKILL");
    await exited;
    // Whoever is killed no longer uses it.
    (await forkLab()).child.disconnect();
  });

  test("says in one line what is wrong with a flag, and that a port is taken", async () => {
    expect(await run("--servers", "x")).toEqual({
      code: 2,
      error: 'lab: --servers is "x", but must be a whole number from 0 to 5000\n',
    });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const { code, error } = await run(...small, "--port", String(port));
    other.close();
    expect({ code, error }).toEqual({
      code: 1,
      error: `lab: port ${port} is in use; choose another with --port or MILLWRIGHT_LAB_PORT (0 = any)\n`,
    });
  });
});
