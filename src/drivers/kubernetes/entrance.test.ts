import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { KubernetesClient } from "./client.ts";
import type { KubernetesOptions } from "./options.ts";
import {
  type Script,
  type ScriptedServer,
  startScriptedServer,
} from "./testing/scripted-server.ts";
import { testClient, toy, toyKind, writing } from "./testing/test-client.ts";

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const at = { namespace: "demo", name: "bear" };

const serve = async (script: Script): Promise<ScriptedServer> => {
  const server = await startScriptedServer(script);
  opened.push(() => server.close());
  return server;
};

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "millwright-entrance-"));
  opened.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

/** The server's kubeconfig, but for how its user gets in. */
const withUser = ({ kubeconfig }: ScriptedServer, user: object): string =>
  kubeconfig.replace('{"token":"sesame-4711"}', () => JSON.stringify(user));

const clientOf = async (
  source: { readonly text: string } | { readonly path: string },
  more: Partial<KubernetesOptions> = {},
): Promise<KubernetesClient> => {
  const { client, close } = await testClient(source, more);
  opened.push(close);
  return client;
};

const failureOf = async (work: Promise<unknown>): Promise<Failure> => {
  const thrown = await work.then(
    () => "nothing was thrown",
    (error: unknown) => error,
  );
  if (!(thrown instanceof Failure)) throw new Error(`not a failure: ${String(thrown)}`);
  return thrown;
};

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("credentials that do not come", { timeout: 10_000 }, () => {
  /** A program that says who it is and then hangs. */
  const hanging = (pidFile: string): object => ({
    exec: {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "/bin/sh",
      args: ["-c", `echo $$ > '${pidFile}'; exec sleep 60`],
    },
  });

  it("of a program: neither the call nor its turn waits for them, and the program is ended", async () => {
    const server = await serve(() => ({ body: toy({}) }));
    const pidFile = join(folder(), "pid");
    const client = await clientOf(
      { text: withUser(server, hanging(pidFile)) },
      { timeouts: { callMs: 300, turnMs: 5000 }, concurrency: 1 },
    );
    const both = [client.read(toyKind, at, writing()), client.read(toyKind, at, writing())];
    for (const failure of await Promise.all(both.map(failureOf))) {
      expect(failure.code).toBe("KUBERNETES_UNAVAILABLE");
      expect(failure.details).toEqual({ reason: "credentials" });
    }
    await expect.poll(() => isRunning(Number(readFileSync(pidFile, "utf8")))).toBe(false);
    expect(server.asked).toEqual([]);
  });

  it("of a program: who stops the call is not kept waiting", async () => {
    const server = await serve(() => ({ body: toy({}) }));
    const pidFile = join(folder(), "pid");
    const client = await clientOf({ text: withUser(server, hanging(pidFile)) });
    const stop = new AbortController();
    const stopped = failureOf(client.read(toyKind, at, { signal: stop.signal }));
    await expect.poll(() => readFileSync(pidFile, "utf8")).toMatch(/\d+\n/);
    stop.abort();
    expect((await stopped).details).toEqual({ reason: "aborted" });
    await expect.poll(() => isRunning(Number(readFileSync(pidFile, "utf8")))).toBe(false);
  });

  it("of a program that left another behind: they are given up on", async () => {
    const server = await serve(() => ({ body: toy({}) }));
    const left = { command: "/bin/sh", args: ["-c", "sleep 3; true"] };
    const client = await clientOf(
      { text: withUser(server, { exec: left }) },
      { timeouts: { callMs: 300, turnMs: 1000 }, concurrency: 1 },
    );
    const both = [client.read(toyKind, at, writing()), client.read(toyKind, at, writing())];
    const reasons = await Promise.all(both.map(async (work) => (await failureOf(work)).details));
    expect(reasons).toEqual([{ reason: "credentials" }, { reason: "credentials" }]);
  });
});
