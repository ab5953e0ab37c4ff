import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Failure, type FailureCode } from "#contract/failures.ts";
import { makeCertificate } from "#drivers/redfish/testing/certificate.ts";
import { createClients } from "./clients.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import {
  type Answer,
  type Script,
  type ScriptedServer,
  startScriptedServer,
  status,
} from "./testing/scripted-server.ts";
import {
  type TestClient,
  testClient,
  testOptions,
  toy,
  toyKind,
  toyManifest,
  toyPath,
  writing,
} from "./testing/test-client.ts";
import { groupsForMs, type KubernetesOptions, maxPages } from "./options.ts";

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const serve = async (
  script: Script,
  more: Partial<KubernetesOptions> = {},
): Promise<TestClient & { readonly server: ScriptedServer }> => {
  const server = await startScriptedServer(script);
  opened.push(() => server.close());
  const made = await testClient({ text: server.kubeconfig }, more);
  opened.push(() => made.close());
  return { ...made, server };
};

const failureOf = async (work: Promise<unknown>): Promise<Failure> => {
  const thrown = await work.then(
    () => "nothing was thrown",
    (error: unknown) => error,
  );
  if (!(thrown instanceof Failure)) throw new Error(`not a failure: ${String(thrown)}`);
  return thrown;
};

const at = { namespace: "demo", name: "bear" };
const bear = `${toyPath}/bear`;

describe("what a refusal becomes", () => {
  const conflict = status(409, "Conflict", {
    details: {
      causes: [
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "kubectl" using toys.example/v1',
          field: ".spec.size",
        },
      ],
    },
  });
  const rows: readonly (readonly [string, Answer, FailureCode, string])[] = [
    ["401", status(401, "Unauthorized"), "KUBERNETES_UNAVAILABLE", "Unauthorized"],
    ["403", status(403, "Forbidden"), "KUBERNETES_FORBIDDEN", "Forbidden"],
    ["404 of an object", status(404, "NotFound"), "KUBERNETES_REJECTED", "NotFound"],
    [
      "404 of a path",
      { status: 404, body: "404 page not found\n" },
      "KUBERNETES_REJECTED",
      "not-served",
    ],
    ["409 of a field", conflict, "CONFLICT", "FieldManagerConflict"],
    ["409 of a version", status(409, "Conflict"), "CONFLICT", "Conflict"],
    ["409 of a name", status(409, "AlreadyExists"), "CONFLICT", "AlreadyExists"],
    ["410", status(410, "Expired"), "KUBERNETES_UNAVAILABLE", "Expired"],
    ["415", status(415, "UnsupportedMediaType"), "KUBERNETES_REJECTED", "UnsupportedMediaType"],
    ["422", status(422, "Invalid"), "KUBERNETES_REJECTED", "Invalid"],
    ["429", status(429, "TooManyRequests"), "KUBERNETES_UNAVAILABLE", "TooManyRequests"],
    ["500", status(500, "InternalError"), "KUBERNETES_UNAVAILABLE", "InternalError"],
    [
      "500 of a schema",
      status(500, "", {
        message: "failed to create typed patch object: .spec.sise: field not declared in schema",
      }),
      "KUBERNETES_REJECTED",
      "schema",
    ],
    ["502 of a proxy", { status: 502, body: "<html>" }, "KUBERNETES_UNAVAILABLE", "service"],
    ["503", status(503, "ServiceUnavailable"), "KUBERNETES_UNAVAILABLE", "ServiceUnavailable"],
    ["504", status(504, "Timeout"), "KUBERNETES_UNAVAILABLE", "Timeout"],
    ["302", { status: 302, body: "" }, "KUBERNETES_UNAVAILABLE", "invalid-answer"],
    ["rubbish", { body: "<html>welcome</html>" }, "KUBERNETES_UNAVAILABLE", "invalid-answer"],
    [
      "another object",
      { body: { kind: "Toy", spec: {} } },
      "KUBERNETES_UNAVAILABLE",
      "invalid-answer",
    ],
    [
      "a field of another type",
      { body: toy({ size: "big" }) },
      "KUBERNETES_UNAVAILABLE",
      "invalid-answer",
    ],
    ["a cut answer", { body: toy({}), cut: "middle" }, "KUBERNETES_UNAVAILABLE", "reset"],
    ["no answer", { cut: "before" }, "KUBERNETES_UNAVAILABLE", "reset"],
  ];
  it.each(rows)("%s", async (_name, answer, code, reason) => {
    const { client } = await serve(() => answer);
    const failure = await failureOf(client.create(toyKind, toyManifest({ size: 1 }), writing()));
    expect([failure.code, failure.details?.["reason"]]).toEqual([code, reason]);
  });

  it("shows field and manager, and who may not do what", async () => {
    const { client, server } = await serve(() => conflict);
    const owned = await failureOf(client.create(toyKind, toyManifest({}), writing()));
    expect(owned.details?.["causes"]).toEqual([{ field: ".spec.size", manager: "kubectl" }]);
    const said = 'toys.toys.example is forbidden: User "us" cannot create resource "toys"';
    server.script = () => status(403, "Forbidden", { message: said });
    const forbidden = await failureOf(client.create(toyKind, toyManifest({}), writing()));
    expect(forbidden.message).toContain(said);
  });

  it("keeps what an invalid object is told", async () => {
    const causes = [{ reason: "FieldValueInvalid", field: "spec.size", message: "must be odd" }];
    const { client } = await serve(() => status(422, "Invalid", { details: { causes } }));
    const failure = await failureOf(client.create(toyKind, toyManifest({}), writing()));
    expect(failure.details?.["causes"]).toEqual(causes);
  });

  it("says how long the server asks to be left alone", async () => {
    const { client, server } = await serve(() => ({
      ...status(429, "TooManyRequests"),
      headers: { "Retry-After": "7" },
    }));
    expect((await failureOf(client.read(toyKind, at, writing()))).retryAfterMs).toBe(7000);
    server.script = () => status(503, "", { details: { retryAfterSeconds: 3 } });
    expect((await failureOf(client.read(toyKind, at, writing()))).retryAfterMs).toBe(3000);
    server.script = () => ({
      status: 503,
      headers: { "Retry-After": new Date(Date.parse("2026-03-02T08:00:09Z")).toUTCString() },
    });
    expect((await failureOf(client.read(toyKind, at, writing()))).retryAfterMs).toBe(9000);
  });
});

describe("calls", () => {
  it("sends who manages the fields, wants them checked strictly, and says how long a body is", async () => {
    const { client, server } = await serve(() => ({ body: toy({ size: 1 }) }));
    await client.create(toyKind, toyManifest({ size: 1 }), writing());
    await client.tryCreate(toyKind, toyManifest({ size: 1 }), writing());
    await client.patch(toyKind, at, [{ op: "test", path: "/spec/size", value: 1 }], writing());
    await client.delete(toyKind, { ...at, uid: "u-1" }, writing());
    const [created, dry, patched, deleted] = server.asked;
    expect(created?.query).toEqual({ fieldManager: "millwright", fieldValidation: "Strict" });
    expect(created?.headers["authorization"]).toBe("Bearer sesame-4711");
    expect(dry?.query).toMatchObject({ dryRun: "All" });
    expect(patched?.headers["content-type"]).toBe("application/json-patch+json");
    expect(patched?.query).toEqual({ fieldManager: "millwright", fieldValidation: "Strict" });
    expect(deleted?.body).toMatchObject({ preconditions: { uid: "u-1" } });
    expect(deleted?.headers["content-length"]).toBe(String(JSON.stringify(deleted?.body).length));
  });

  it("reads nothing where nothing is", async () => {
    const { client } = await serve(() => status(404, "NotFound"));
    expect(await client.read(toyKind, at, writing())).toBeNull();
    expect(await client.delete(toyKind, { ...at, uid: "u-1" }, writing())).toBe(false);
  });

  it("lists all pages, by labels, and begins anew when a page has gone stale", async () => {
    const { client, server } = await serve(({ query }, times) => {
      if (query["continue"] === undefined) {
        return { body: { metadata: { continue: "more" }, items: [toy({ size: times })] } };
      }
      return times === 2
        ? status(410, "Expired")
        : { body: { metadata: {}, items: [toy({ size: times })] } };
    });
    const labels = { team: "red", tier: "one" };
    const found = await client.list(toyKind, { namespace: "demo", labels }, writing());
    expect(found.map(({ spec }) => spec.size)).toEqual([3, 4]);
    expect(server.asked[0]?.query).toEqual({ limit: "500", labelSelector: "team=red,tier=one" });
  });

  it("gives up on a list that goes stale again and again", async () => {
    const { client, server } = await serve(() => status(410, "Expired"));
    const failure = await failureOf(client.list(toyKind, { namespace: "demo" }, writing()));
    expect(failure.code).toBe("KUBERNETES_UNAVAILABLE");
    expect(server.asked).toHaveLength(3);
  });

  it("gives up on a list whose pages go in circles, or never end", async () => {
    const { client, server } = await serve(({ query }) => ({
      body: { metadata: { continue: query["continue"] === "one" ? "two" : "one" }, items: [] },
    }));
    const list = (): Promise<Failure> =>
      failureOf(client.list(toyKind, { namespace: "demo" }, writing()));
    expect((await list()).details).toEqual({ reason: "invalid-answer" });
    expect(server.asked).toHaveLength(3);
    server.script = (_asked, times) => ({
      body: { metadata: { continue: String(times) }, items: [] },
    });
    expect((await list()).details).toEqual({ reason: "invalid-answer" });
    expect(server.asked).toHaveLength(3 + maxPages);
  });

  it("applies without force, and takes only fields that we own ourselves", async () => {
    const owned = (manager: string): Answer =>
      status(409, "Conflict", {
        details: {
          causes: [
            {
              reason: "FieldManagerConflict",
              field: ".spec.size",
              message: `conflict with "${manager}"`,
            },
          ],
        },
      });
    const { client, server } = await serve(({ query }) =>
      query["force"] === "true" ? { body: toy({ size: 2 }) } : owned("millwright"),
    );
    expect((await client.apply(toyKind, toyManifest({ size: 2 }), writing())).spec.size).toBe(2);
    expect(server.asked.map(({ query }) => query["force"])).toEqual(["false", "true"]);
    expect(server.asked[0]?.headers["content-type"]).toBe("application/apply-patch+yaml");
    server.script = () => owned("kubectl");
    const failure = await failureOf(client.apply(toyKind, toyManifest({ size: 2 }), writing()));
    expect(failure.details?.["causes"]).toEqual([{ field: ".spec.size", manager: "kubectl" }]);
    expect(server.asked).toHaveLength(3);
  });

  it("speaks the best version that is served, asks once, and asks anew when a path has gone", async () => {
    const kind = { ...toyKind, versions: ["v2", "v1"] as const };
    const group = { versions: [{ version: "v1" }, { version: "v1alpha1" }] };
    const { client, server } = await serve(({ path }) =>
      path === "/apis/toys.example" ? { body: group } : { body: toy({ size: 1 }) },
    );
    await client.read(kind, at, writing());
    await client.read(kind, at, writing());
    expect(server.calls()).toEqual(["GET /apis/toys.example", `GET ${bear}`, `GET ${bear}`]);
    group.versions = [{ version: "v2" }];
    server.script = ({ path }) =>
      path === "/apis/toys.example"
        ? { body: group }
        : path === bear
          ? undefined
          : { body: toy({ size: 2 }) };
    expect((await failureOf(client.read(kind, at, writing()))).details?.["reason"]).toBe(
      "not-served",
    );
    expect((await client.read(kind, at, writing()))?.spec.size).toBe(2);
    group.versions = [{ version: "v9" }];
    const strange = await testClient({ text: server.kubeconfig });
    opened.push(() => strange.close());
    const failure = await failureOf(strange.client.read(kind, at, writing()));
    expect(failure.details).toMatchObject({ reason: "not-served", versions: ["v9"] });
  });

  it("knows which groups are served, and asks again after a while, or when a path has gone", async () => {
    let nowMs = 0;
    const clock = { now: () => nowMs, sleep: async () => undefined };
    let groups = [{ name: "other.example" }];
    const { client, server } = await serve(
      ({ path }) => (path === "/apis" ? { body: { kind: "APIGroupList", groups } } : undefined),
      { clock },
    );
    const serves = () => client.serves(toyKind.group, writing());
    expect(await serves()).toBe(false);
    groups = [...groups, { name: toyKind.group }];
    nowMs += groupsForMs - 1;
    expect([await serves(), await client.serves("other.example", writing())]).toEqual([
      false,
      true,
    ]);
    nowMs += 1;
    expect(await serves()).toBe(true);
    expect(server.calls()).toEqual(["GET /apis", "GET /apis"]);
    groups = [];
    await failureOf(client.read(toyKind, at, writing()));
    expect(await serves()).toBe(false);
    server.script = () => ({ body: { kind: "Login" } });
    nowMs += groupsForMs;
    expect((await failureOf(serves())).code).toBe("KUBERNETES_UNAVAILABLE");
  });

  it("does not wait for ever, neither for an answer nor for its turn, and stops when told", async () => {
    const impatient = { timeouts: { callMs: 50, turnMs: 20 }, concurrency: 1 };
    const { client } = await serve(() => ({ silent: true }), impatient);
    const both = [client.read(toyKind, at, writing()), client.read(toyKind, at, writing())];
    const reasons = await Promise.all(both.map(async (work) => (await failureOf(work)).details));
    expect(reasons).toMatchObject([{ reason: "timeout" }, { reason: "turn" }]);
    const stop = new AbortController();
    const patient = await serve(() => {
      stop.abort();
      return { silent: true };
    });
    const stopped = await failureOf(patient.client.read(toyKind, at, { signal: stop.signal }));
    expect(stopped.details).toEqual({ reason: "aborted" });
  });

  it("makes so many calls at a time and no more", async () => {
    let open = 0;
    let most = 0;
    const server = await startScriptedServer(() => undefined);
    opened.push(() => server.close());
    server.script = () => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => (open -= 1));
      return { body: toy({}) };
    };
    const { client, close } = await testClient({ text: server.kubeconfig }, { concurrency: 2 });
    opened.push(close);
    await Promise.all(Array.from({ length: 20 }, () => client.read(toyKind, at, writing())));
    expect(server.asked).toHaveLength(20);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("keeps a connection, and is not troubled when the server has closed it", async () => {
    const { client, server } = await serve(() => ({ body: toy({ size: 1 }) }));
    await client.read(toyKind, at, writing());
    server.script = (_asked, times) =>
      times === 2 ? { cut: "before" } : { body: toy({ size: 3 }) };
    expect((await client.read(toyKind, at, writing()))?.spec.size).toBe(3);
    expect(server.asked).toHaveLength(3);
  });

  it("reads the kubeconfig anew when its token is not taken any more", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millwright-kubeconfig-"));
    opened.push(() => rmSync(folder, { recursive: true, force: true }));
    const server = await startScriptedServer(({ headers }) =>
      headers["authorization"] === "Bearer fresh" ? { body: toy({}) } : status(401, "Unauthorized"),
    );
    opened.push(() => server.close());
    const path = join(folder, "config");
    writeFileSync(path, server.kubeconfig);
    const { client, close, logged } = await testClient({ path });
    opened.push(close);
    const refused = await failureOf(client.read(toyKind, at, writing()));
    expect([refused.code, refused.details?.["reason"]]).toEqual([
      "KUBERNETES_UNAVAILABLE",
      "Unauthorized",
    ]);
    writeFileSync(path, server.kubeconfig.replace("sesame-4711", "fresh"));
    expect(await client.read(toyKind, at, writing())).not.toBeNull();
    expect(logged.join()).not.toMatch(/fresh|sesame/);
  });

  it("trusts the certificate authority of the kubeconfig and no other", async () => {
    const certificate = await makeCertificate("kubernetes.example");
    const server = await startScriptedServer(() => ({ body: toy({}) }), certificate);
    opened.push(() => server.close());
    const trusted = server.kubeconfig.replace(
      '"certificate-authority-data"',
      '"tls-server-name":"kubernetes.example","certificate-authority-data"',
    );
    const good = await testClient({ text: trusted });
    opened.push(() => good.close());
    expect(await good.client.read(toyKind, at, writing())).not.toBeNull();
    const bad = await testClient({ text: server.kubeconfig });
    opened.push(() => bad.close());
    expect((await failureOf(bad.client.read(toyKind, at, writing()))).details).toEqual({
      reason: "tls",
    });
  });
});

describe("management clusters", () => {
  it("are the contexts, each with its own way in", async () => {
    const server = await startScriptedServer(() => ({ body: { versions: ["v1"] } }));
    opened.push(() => server.close());
    const source = { text: server.kubeconfig };
    const kubeconfig = await loadKubeconfig(source);
    expect([kubeconfig.contexts, kubeconfig.current]).toEqual([["second", "first"], "first"]);
    const clients = createClients(kubeconfig, testOptions(source));
    opened.push(() => clients.close());
    await clients.at({ managementCluster: "second" }).ping(writing());
    expect(clients.at({ managementCluster: "first" })).toBe(
      clients.at({ managementCluster: "first" }),
    );
    expect(() => clients.at({ managementCluster: "third" })).toThrow(/no context third/);
    server.script = () => ({ body: { message: "hello" } });
    const failure = await failureOf(clients.at({ managementCluster: "first" }).ping(writing()));
    expect(failure.details?.["reason"]).toBe("invalid-answer");
  });

  it("may stand in several files, of which the first counts", async () => {
    const folder = mkdtempSync(join(tmpdir(), "millwright-kubeconfig-"));
    opened.push(() => rmSync(folder, { recursive: true, force: true }));
    const server = await startScriptedServer(() => ({ body: { versions: ["v1"] } }));
    opened.push(() => server.close());
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    writeFileSync(one, server.kubeconfig);
    writeFileSync(
      two,
      server.kubeconfig.replaceAll('"first"', '"other"').replace("sesame-4711", "no"),
    );
    const kubeconfig = await loadKubeconfig({ path: `${one}:${two}` });
    expect([kubeconfig.contexts, kubeconfig.current]).toEqual([
      ["second", "first", "other"],
      "first",
    ]);
    const credentials = async (context: string): Promise<unknown> => {
      const { signal } = writing();
      const access = await kubeconfig.entrance(context).access({ signal, deadline: signal });
      return access.headers["Authorization"];
    };
    expect(await credentials("second")).toContain("sesame");
    expect(await credentials("other")).toContain("no");
  });

  it("are not there when the kubeconfig is none", async () => {
    for (const text of ["", "just words", "clusters: []"]) {
      const failure = await failureOf(loadKubeconfig({ text }));
      expect([failure.code, failure.details?.["reason"]]).toEqual([
        "KUBERNETES_REJECTED",
        "kubeconfig",
      ]);
    }
  });

  it("cannot be asked in a context without a cluster, or one without an address", async () => {
    const server = await startScriptedServer(() => undefined);
    await server.close();
    for (const text of [
      server.kubeconfig.replaceAll('"cluster":"one"', '"cluster":"two"'),
      server.kubeconfig.replaceAll("http://", "http://:"),
    ]) {
      const { client, close } = await testClient({ text });
      opened.push(close);
      const failure = await failureOf(client.read(toyKind, at, writing()));
      expect([failure.code, failure.details]).toEqual([
        "KUBERNETES_REJECTED",
        { reason: "kubeconfig" },
      ]);
    }
  });

  it("do not answer when nothing listens", async () => {
    const server = await startScriptedServer(() => undefined);
    await server.close();
    const { client, close } = await testClient({ text: server.kubeconfig });
    opened.push(close);
    expect((await failureOf(client.read(toyKind, at, writing()))).details).toEqual({
      reason: "refused",
    });
  });
});
