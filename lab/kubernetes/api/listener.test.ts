import https from "node:https";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { authorityOf, tokenOf, tryCluster } from "#lab/kubernetes/try-cluster.ts";
import type { TryCluster } from "#lab/kubernetes/try-cluster.ts";
import { widget, widgets, widgetsPath } from "#lab/kubernetes/try-widgets.ts";
import { Watch } from "./watch.ts";

/*
 * What odd clients send, and that the server outlives it.
 */

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());
afterEach(() => {
  lab.cluster.faults.clear();
  vi.restoreAllMocks();
});

const configMaps = "/api/v1/namespaces/default/configmaps";
const megabyte = 1024 * 1024;

function configMap(name: string, text: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { text } };
}

/** Opens a request by hand. */
function opened(path: string): ReturnType<typeof https.request> {
  const authorization = `Bearer ${tokenOf(lab.cluster, "lab-admin")}`;
  const ca = authorityOf(lab.cluster);
  return https.request(new URL(path, lab.cluster.url), {
    ca,
    agent: false,
    headers: { authorization },
  });
}

describe("a body", () => {
  test("that is larger than the server takes is refused in Kubernetes' words, and the connection ends", async () => {
    const told = await lab.ask("POST", configMaps, {
      body: configMap("large", "x".repeat(4 * megabyte)),
    });
    expect(told).toMatchObject({
      status: 413,
      body: {
        kind: "Status",
        code: 413,
        reason: "RequestEntityTooLarge",
        message: "Request entity too large: limit is 3145728",
      },
    });
    expect(told.headers["connection"]).toBe("close");
    expect((await lab.ask("GET", `${configMaps}/large`)).status).toBe(404);
  });

  test("with an unknown field of any script is stored, and the warning can be sent", async () => {
    const body = widget("scripts", { größe: 1, 大きさ: 2, "\u007f": 3 });
    const told = await lab.ask("POST", `${widgetsPath}?fieldValidation=Warn`, { body });
    expect(told.status).toBe(201);
    expect(told.headers["warning"]).toContain(String.raw`\u5927\u304d\u3055`);
    expect(told.headers["warning"]).toMatch(/^[ -~]+$/);
  });
});

describe("a path", () => {
  test("that cannot be decoded is a bad request", async () => {
    expect((await lab.ask("GET", "/api/v1/namespaces/%zz")).status).toBe(400);
  });

  test("of subresources that nobody knows is counted as what they belong to", async () => {
    for (const subresource of ["a1", "a2"])
      await lab.ask("GET", `${configMaps}/none/${subresource}`, { token: "nobody's" });
    const resources = lab.cluster.requests.list().map(({ resource }) => resource);
    expect(resources.filter((resource) => resource.includes("/a"))).toEqual([]);
  });
});

describe("a watch", () => {
  test("whose client is gone before it opens is not opened", async () => {
    const open = vi.spyOn(Watch.prototype, "open");
    lab.cluster.faults.add({ delayMs: 300, times: 1 });
    const request = opened(`${configMaps}?watch=true`);
    request.on("error", () => undefined);
    request.end();
    const take = vi.spyOn(lab.cluster.faults, "take");
    await vi.waitFor(() => expect(take).toHaveBeenCalled(), 10_000);
    request.destroy();
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(open).not.toHaveBeenCalled();
  });

  test("of somebody who does not read is ended", async () => {
    const forgotten: string[] = [];
    const { store } = lab.cluster;
    const { watch } = store;
    vi.spyOn(store, "watch").mockImplementation((kind, listener) => {
      const forget = watch.call(store, kind, listener);
      return () => {
        forgotten.push(kind);
        forget();
      };
    });
    const request = opened(`${configMaps}?watch=true`);
    request.end();
    const response = await new Promise<{
      on: (event: "data" | "end", listener: () => void) => unknown;
    }>((resolve) => request.on("response", resolve));
    for (let count = 0; count < 24; count += 1)
      await lab.ask("POST", configMaps, { body: configMap(`big-${count}`, "x".repeat(megabyte)) });
    const ended = new Promise<void>((resolve) => response.on("end", resolve));
    response.on("data", () => undefined);
    await ended;
    await vi.waitFor(() => expect(forgotten).toContain("ConfigMap"), 10_000);
  });

  test("of a kind ends with its definition", async () => {
    const name = `${widgets.plural}.${widgets.group}`;
    const watching = await lab.watch(`${widgetsPath}?watch=true`);
    await lab.ask("DELETE", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
    const events = await watching.rest();
    expect(events.at(-1)?.type).toBe("DELETED");
  });
});
