import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { toFailure } from "#contract/failures.ts";
import { covers } from "./covers.ts";
import { ownLabels } from "./labels.ts";
import type { JsonPatch } from "./object.ts";
import type { KubernetesOptions } from "./options.ts";
import { edit, ensure, remove } from "./ours.ts";
import {
  type Asked,
  type Answer,
  type Script,
  type ScriptedServer,
  startScriptedServer,
  status,
} from "./testing/scripted-server.ts";
import {
  id,
  run,
  type TestClient,
  testClient,
  type Toy,
  toy,
  toyKind,
  toyManifest,
  toyPath,
  writing,
} from "./testing/test-client.ts";

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

const bear = `${toyPath}/bear`;
const ours = { namespace: "demo", name: "bear", id };
const strangers = { labels: { "millwright.dev/resource": "cls_01KAP5ZV9QJ5T1W7R9D0C3M8ZZ" } };
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => {
      const { code, details } = toFailure(error);
      return `${code} ${String(details?.["reason"])}`;
    },
  );

/** Answers by method, for one object. */
const byMethod =
  (answers: Readonly<Record<string, (asked: Asked, times: number) => Answer>>): Script =>
  (asked, times) =>
    answers[asked.method]?.(asked, times);

it("labels with ids that are label values as they are: at most 63 letters, digits, dashes, underscores and dots", () => {
  for (const value of Object.values(ownLabels({ run, id }))) {
    expect(value).toMatch(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/);
  }
});

it("compares what is there with what is wished, defaults aside", () => {
  const there = { size: 1, tags: ["a", "b"], list: [{ name: "x", more: 1 }], extra: true };
  expect(covers(there, { size: 1, list: [{ name: "x" }], absent: undefined })).toBe(true);
  expect(covers(there, { size: 2 })).toBe(false);
  expect(covers(there, { tags: ["a"] })).toBe(false);
  expect(covers(there, { tags: { 0: "a" } })).toBe(false);
  expect(covers(there, { other: {} })).toBe(false);
  expect(covers({ value: null }, { value: null })).toBe(true);
});

describe("ensure", () => {
  it("creates", async () => {
    const { client, server } = await serve(byMethod({ POST: () => ({ body: toy({ size: 1 }) }) }));
    expect(await ensure(client, toyKind, toyManifest({ size: 1 }), { id }, writing())).toBe(
      "asked",
    );
    expect(server.calls()).toEqual([`POST ${toyPath}`]);
  });

  it("tries again when the create collides with a write to what is counted", async () => {
    const { client, server } = await serve(
      byMethod({
        POST: (_asked, times) => (times < 3 ? status(409, "Conflict") : { body: toy({ size: 1 }) }),
      }),
    );
    expect(await ensure(client, toyKind, toyManifest({ size: 1 }), { id }, writing())).toBe(
      "asked",
    );
    expect(server.calls()).toEqual([1, 2, 3].map(() => `POST ${toyPath}`));
  });

  it("finds what it has made, and brings it to another wish, of the object that it has seen", async () => {
    const { client, server } = await serve(
      byMethod({
        POST: () => status(409, "AlreadyExists"),
        GET: () => ({ body: toy({ size: 1, filledIn: "by a webhook" }) }),
        PATCH: () => ({ body: toy({ size: 2 }) }),
      }),
    );
    expect(await ensure(client, toyKind, toyManifest({ size: 1 }), { id }, writing())).toBe(
      "already",
    );
    expect(await ensure(client, toyKind, toyManifest({ size: 2 }), { id }, writing())).toBe(
      "asked",
    );
    expect(server.asked.at(-1)?.body).toMatchObject({
      metadata: { uid: "u-1" },
      spec: { size: 2 },
    });
  });

  it("leaves what is another's, or nobody's, or on its way out", async () => {
    let there = toy({}, strangers);
    const { client, server } = await serve(
      byMethod({ POST: () => status(409, "AlreadyExists"), GET: () => ({ body: there }) }),
    );
    const make = (): Promise<unknown> =>
      ensure(client, toyKind, toyManifest({}), { id }, writing());
    expect(await codeOf(make())).toBe("CONFLICT not-ours");
    there = toy({}, { labels: undefined });
    expect(await codeOf(make())).toBe("CONFLICT not-ours");
    there = toy({}, { deletionTimestamp: "2026-03-02T08:00:00Z" });
    expect(await codeOf(make())).toBe("CONFLICT deleting");
    expect(server.calls().filter((call) => call.startsWith("PATCH"))).toEqual([]);
  });

  it("tries again when what had the name has gone meanwhile", async () => {
    const { client } = await serve(
      byMethod({
        POST: (_asked, times) =>
          times === 1 ? status(409, "AlreadyExists") : { body: toy({ size: 1 }) },
        GET: () => status(404, "NotFound"),
      }),
    );
    expect(await ensure(client, toyKind, toyManifest({ size: 1 }), { id }, writing())).toBe(
      "asked",
    );
  });
});

describe("edit", () => {
  const toSize =
    (size: number) =>
    ({ spec }: Toy): readonly JsonPatch[] | null =>
      spec.size === size
        ? null
        : [
            { op: "test", path: "/spec/size", value: spec.size },
            { op: "replace", path: "/spec/size", value: size },
          ];

  it("tests what it relies on, and does nothing twice", async () => {
    let size = 1;
    const { client, server } = await serve(
      byMethod({
        GET: () => ({ body: toy({ size }) }),
        PATCH: () => {
          size = 3;
          return { body: toy({ size }) };
        },
      }),
    );
    expect(await edit(client, toyKind, ours, toSize(3), writing())).toBe("asked");
    expect(server.asked.at(-1)?.body).toEqual([
      { op: "test", path: "/metadata/uid", value: "u-1" },
      { op: "test", path: "/spec/size", value: 1 },
      { op: "replace", path: "/spec/size", value: 3 },
    ]);
    expect(await edit(client, toyKind, ours, toSize(3), writing())).toBe("already");
    expect(server.calls()).toEqual([`GET ${bear}`, `PATCH ${bear}`, `GET ${bear}`]);
  });

  it("reads again when another write came between", async () => {
    const { client, server } = await serve(
      byMethod({
        GET: (_asked, times) => ({ body: toy({ size: times }) }),
        PATCH: (_asked, times) =>
          times === 1
            ? status(422, "Invalid", { message: "the server rejected our request" })
            : times === 2
              ? status(409, "Conflict")
              : { body: toy({ size: 9 }) },
      }),
    );
    expect(await edit(client, toyKind, ours, toSize(9), writing())).toBe("asked");
    expect(server.asked.at(-1)?.body).toContainEqual({ op: "test", path: "/spec/size", value: 3 });
  });

  it("believes a refusal when nothing has changed, and gives up in the end", async () => {
    const { client, server } = await serve(
      byMethod({ GET: () => ({ body: toy({ size: 1 }) }), PATCH: () => status(422, "Invalid") }),
    );
    expect(await codeOf(edit(client, toyKind, ours, toSize(2), writing()))).toBe(
      "KUBERNETES_REJECTED Invalid",
    );
    expect(server.calls().filter((call) => call.startsWith("PATCH"))).toHaveLength(1);
    server.script = byMethod({
      GET: () => ({ body: toy({ size: 1 }) }),
      PATCH: () => status(409, "Conflict"),
    });
    expect(await codeOf(edit(client, toyKind, ours, toSize(2), writing()))).toBe(
      "CONFLICT Conflict",
    );
    expect(server.calls().filter((call) => call.startsWith("PATCH"))).toHaveLength(6);
  });

  it("finds nothing where nothing is, and leaves what is another's", async () => {
    const { client, server } = await serve(byMethod({ GET: () => status(404, "NotFound") }));
    expect(await codeOf(edit(client, toyKind, ours, toSize(2), writing()))).toBe(
      "NOT_FOUND undefined",
    );
    server.script = byMethod({ GET: () => ({ body: toy({}, strangers) }) });
    expect(await codeOf(edit(client, toyKind, ours, toSize(2), writing()))).toBe(
      "CONFLICT not-ours",
    );
  });
});

describe("remove", () => {
  it("believes only an answer of Kubernetes' own", async () => {
    const { client } = await serve(
      byMethod({ GET: () => ({ body: toy({}) }), DELETE: () => ({ body: { it: "works" } }) }),
    );
    expect(await codeOf(remove(client, toyKind, ours, writing()))).toBe(
      "KUBERNETES_UNAVAILABLE invalid-answer",
    );
  });

  it("deletes by uid, once", async () => {
    let metadata: object = {};
    const { client, server } = await serve(
      byMethod({
        GET: () => ({ body: toy({}, metadata) }),
        DELETE: () => {
          metadata = { deletionTimestamp: "2026-03-02T08:00:00Z" };
          return { body: toy({}, metadata) };
        },
      }),
    );
    expect(await remove(client, toyKind, ours, writing())).toBe("asked");
    expect(await remove(client, toyKind, ours, writing())).toBe("asked");
    expect(server.calls().filter((call) => call.startsWith("DELETE"))).toHaveLength(1);
    server.script = byMethod({ GET: () => status(404, "NotFound") });
    expect(await remove(client, toyKind, ours, writing())).toBe("gone");
  });

  it("leaves what is another's, also when it takes the name at that moment", async () => {
    const { client, server } = await serve(
      byMethod({
        GET: (_asked, times) => ({ body: times === 1 ? toy({}) : toy({}, strangers) }),
        DELETE: () => status(409, "Conflict"),
      }),
    );
    expect(await codeOf(remove(client, toyKind, ours, writing()))).toBe("CONFLICT not-ours");
    expect(server.calls().filter((call) => call.startsWith("DELETE"))).toHaveLength(1);
  });
});

describe("a creation that nobody waits for any more", () => {
  it("is not cut off by what only keeps the next call from being begun", async () => {
    const cancelled = new AbortController();
    const { client } = await serve(({ method }) => {
      if (method === "POST") cancelled.abort("cancel");
      return { status: 201, body: toy({ size: 1 }), after: pause(300) };
    });
    const options = { ...writing(), signal: cancelled.signal, life: AbortSignal.timeout(30_000) };
    expect(await ensure(client, toyKind, toyManifest({ size: 1 }), { id }, options)).toBe("asked");
    expect(cancelled.signal.aborted).toBe(true);
  });

  it("may still arrive: what is not there is gone only when it cannot any more", async () => {
    let now = 0;
    const { client } = await serve(
      ({ method }) => (method === "POST" ? { silent: true } : status(404, "NotFound")),
      {
        timeouts: { callMs: 200, lateMs: 60_000 },
        clock: { now: () => now, sleep: async () => undefined },
      },
    );
    const creation = ensure(client, toyKind, toyManifest({ size: 1 }), { id }, writing());
    expect(await codeOf(creation)).toBe("KUBERNETES_UNAVAILABLE timeout");
    expect(await remove(client, toyKind, ours, writing())).toBe("asked");
    now = 59_000;
    expect(await remove(client, toyKind, ours, writing())).toBe("asked");
    now = 60_000;
    expect(await remove(client, toyKind, ours, writing())).toBe("gone");
  });

  it("that was refused cannot arrive", async () => {
    const { client } = await serve(({ method }) =>
      method === "POST" ? status(422, "Invalid") : status(404, "NotFound"),
    );
    const creation = ensure(client, toyKind, toyManifest({ size: 1 }), { id }, writing());
    expect(await codeOf(creation)).toMatch(/^KUBERNETES_REJECTED/);
    expect(await remove(client, toyKind, ours, writing())).toBe("gone");
  });
});
