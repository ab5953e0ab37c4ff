import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { KubernetesClient } from "./client.ts";
import type { KubernetesOptions } from "./options.ts";
import {
  type Asked,
  type Script,
  type ScriptedServer,
  startScriptedServer,
  status,
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

/** A kubeconfig in a file, which may be written anew. */
const written = (text: string): { readonly path: string; write(text: string): void } => {
  const path = join(folder(), "config");
  const write = (newer: string): void => writeFileSync(path, newer);
  write(text);
  return { path, write };
};

describe("credentials that are not taken any more", () => {
  const bearer = ({ headers }: Asked): unknown => headers["authorization"];

  it("are read anew once for all calls, and no call loses its connection by that", async () => {
    let valid = "Bearer sesame-4711";
    const server = await serve((asked) =>
      bearer(asked) === valid ? { body: toy({}) } : status(401, "Unauthorized"),
    );
    const kubeconfig = written(server.kubeconfig);
    const client = await clientOf({ path: kubeconfig.path });
    const reads = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 24 }, () => client.read(toyKind, at, writing())));
    await reads();
    for (const token of ["two", "three", "four"]) {
      kubeconfig.write(server.kubeconfig.replace("sesame-4711", token));
      valid = `Bearer ${token}`;
      const before = server.asked.length;
      await reads();
      expect(server.asked.length - before).toBeLessThanOrEqual(24 + 8);
    }
  });

  it("leave calls alone that are under way with them", async () => {
    const held: (() => void)[] = [];
    const server = await serve((asked) =>
      asked.path.endsWith("/slow")
        ? { body: toy({}), after: new Promise<void>((resolve) => held.push(resolve)) }
        : bearer(asked) === "Bearer fresh"
          ? { body: toy({}) }
          : status(401, "Unauthorized"),
    );
    const kubeconfig = written(server.kubeconfig);
    const client = await clientOf({ path: kubeconfig.path });
    const slow = client.read(toyKind, { ...at, name: "slow" }, writing());
    await expect.poll(() => held.length).toBe(1);
    kubeconfig.write(server.kubeconfig.replace("sesame-4711", "fresh"));
    await client.read(toyKind, at, writing());
    held[0]?.();
    expect(await slow).not.toBeNull();
    expect(server.calls().filter((call) => call.endsWith("/slow"))).toHaveLength(1);
  });

  it("are asked with once more, and not read again, by who got his refusal late", async () => {
    const held: (() => void)[] = [];
    const server = await serve((asked) =>
      bearer(asked) === "Bearer given-1"
        ? {
            ...status(401, "Unauthorized"),
            after: new Promise<void>((resolve) => held.push(resolve)),
          }
        : { body: toy({}) },
    );
    // A program that counts how often it was started.
    const [count, script] = [join(folder(), "count"), "echo x >> '$F'; n=$(wc -l < '$F'); "];
    const answer = `printf '{"status":{"token":"given-%d"}}' $n`;
    const args = ["-c", script.replaceAll("$F", () => count) + answer];
    const user = { exec: { command: "/bin/sh", args } };
    const client = await clientOf({ text: withUser(server, user) });
    const first = client.read(toyKind, at, writing());
    await expect.poll(() => held.length).toBe(1);
    const second = client.read(toyKind, at, writing());
    await expect.poll(() => held.length).toBe(2);
    held[0]?.();
    expect(await first).not.toBeNull();
    held[1]?.();
    expect(await second).not.toBeNull();
    expect(readFileSync(count, "utf8")).toBe("x\nx\n");
  });

  it("stay what they are while the kubeconfig cannot be read", async () => {
    const server = await serve(() => status(401, "Unauthorized"));
    const kubeconfig = written(server.kubeconfig);
    const client = await clientOf({ path: kubeconfig.path });
    kubeconfig.write("half of a kube");
    const failure = await failureOf(client.read(toyKind, at, writing()));
    expect(failure.details).toMatchObject({ reason: "Unauthorized" });
    server.script = () => ({ body: toy({}) });
    expect(await client.read(toyKind, at, writing())).not.toBeNull();
  });
});
