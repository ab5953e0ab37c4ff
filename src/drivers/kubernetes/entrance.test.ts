import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { makeCertificate } from "#drivers/redfish/testing/certificate.ts";
import type { Clock } from "#platform/clock.ts";
import type { KubernetesClient } from "./client.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import { type KubernetesOptions, rereadMs } from "./options.ts";
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

  it("of a program that fails: that may pass", async () => {
    const server = await serve(() => ({ body: toy({}) }));
    const failing = { exec: { command: "/bin/sh", args: ["-c", "exit 3"] } };
    const client = await clientOf({ text: withUser(server, failing) });
    const failure = await failureOf(client.read(toyKind, at, writing()));
    expect([failure.code, failure.details]).toEqual([
      "KUBERNETES_UNAVAILABLE",
      { reason: "credentials" },
    ]);
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

describe("a management cluster that is found no more as the kubeconfig said", () => {
  const named = (text: string): string =>
    text.replace(
      '"certificate-authority-data"',
      '"tls-server-name":"kubernetes.example","certificate-authority-data"',
    );

  it("is found by a new authority, in the kubeconfig or in a file that it names", async () => {
    const old = await makeCertificate("kubernetes.example");
    const server = await startScriptedServer(
      () => ({ body: toy({}) }),
      await makeCertificate("kubernetes.example"),
    );
    opened.push(() => server.close());
    const rotated = named(server.kubeconfig);
    const data = /"certificate-authority-data":"([^"]*)"/.exec(rotated)?.[1] ?? "";
    const kubeconfig = written(rotated.replace(data, Buffer.from(old.cert).toString("base64")));
    const authority = written(old.cert);
    const naming = rotated.replace(
      `"certificate-authority-data":"${data}"`,
      `"certificate-authority":${JSON.stringify(authority.path)}`,
    );
    for (const [path, renew] of [
      [kubeconfig.path, () => kubeconfig.write(rotated)],
      [written(naming).path, () => authority.write(Buffer.from(data, "base64").toString())],
    ] as const) {
      const clock = clockAt(0);
      const client = await clientOf({ path }, { clock });
      const untrusted = await failureOf(client.read(toyKind, at, writing()));
      expect(untrusted.details).toEqual({ reason: "tls" });
      renew();
      clock.nowMs += rereadMs;
      expect(await client.read(toyKind, at, writing())).not.toBeNull();
    }
  });

  it("is found at a new address, and asked once where the kubeconfig says nothing new", async () => {
    const gone = await startScriptedServer(() => undefined);
    await gone.close();
    const server = await serve(() => ({ body: toy({}) }));
    const kubeconfig = written(gone.kubeconfig);
    const client = await clientOf({ path: kubeconfig.path });
    kubeconfig.write(server.kubeconfig);
    // Also who finds out at the same time, and does not read it again himself.
    const both = [client.read(toyKind, at, writing()), client.read(toyKind, at, writing())];
    for (const found of await Promise.all(both)) expect(found).not.toBeNull();
  });

  it("is looked up again now and then, not by every call", async () => {
    const gone = await startScriptedServer(() => undefined);
    await gone.close();
    const server = await serve(() => ({ body: toy({}) }));
    const kubeconfig = written(gone.kubeconfig);
    const clock = clockAt(0);
    const client = await clientOf({ path: kubeconfig.path }, { clock });
    const refused = async (): Promise<void> => {
      const failure = await failureOf(client.read(toyKind, at, writing()));
      expect(failure.details).toEqual({ reason: "refused" });
    };
    await refused();
    kubeconfig.write(server.kubeconfig);
    clock.nowMs += rereadMs - 1;
    await refused();
    clock.nowMs += 1;
    expect(await client.read(toyKind, at, writing())).not.toBeNull();
  });

  it("is not asked again when its kubeconfig is being written", async () => {
    const gone = await startScriptedServer(() => undefined);
    await gone.close();
    const kubeconfig = written(gone.kubeconfig);
    const client = await clientOf({ path: kubeconfig.path });
    kubeconfig.write("half of a kube");
    const failure = await failureOf(client.read(toyKind, at, writing()));
    expect(failure.details).toEqual({ reason: "refused" });
  });
});

const clockAt = (nowMs: number): Clock & { nowMs: number } => ({
  nowMs,
  now() {
    return this.nowMs;
  },
  sleep: async () => undefined,
});

describe("a kubeconfig that is not there", () => {
  it("is named, with what the file system says", async () => {
    await expect(loadKubeconfig({ path: "/nowhere/kubeconfig" })).rejects.toMatchObject({
      code: "KUBERNETES_REJECTED",
      message: expect.stringMatching(
        /^the kubeconfig cannot be read: ENOENT.*\/nowhere\/kubeconfig/,
      ),
    });
  });

  it("that is no kubeconfig is not quoted", async () => {
    await expect(loadKubeconfig({ text: "{ token: sesame-4711" })).rejects.toMatchObject({
      message: "the kubeconfig cannot be read",
    });
  });
});
