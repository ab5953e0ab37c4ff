import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { Told, TryCluster } from "./try-cluster.ts";
import { makeWidget, ownedBy, settled, stored } from "./try-store.ts";
import { widgets, widgetsPath } from "./try-widgets.ts";

/*
 * What an end of one object means for others, as kube-controller-manager decides it, and which ends are refused.
 */

const hold = "try.example.org/hold";

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [widgets] });
});
afterAll(() => lab.end());

const make = (name: string, metadata: object = {}): Promise<Told["body"]> =>
  makeWidget(lab, name, metadata);

const remove = async (name: string, query = "", body?: object): Promise<Told> => {
  const ask = body === undefined ? {} : { body };
  const told = await lab.ask("DELETE", `${widgetsPath}/${name}${query}`, ask);
  await settled();
  return told;
};

const release = async (name: string): Promise<void> => {
  const body = { metadata: { finalizers: null } };
  const type = "application/merge-patch+json";
  await lab.ask("PATCH", `${widgetsPath}/${name}`, { body, type });
  await settled();
};

/** Which of these widgets are there. */
const left = (...names: readonly string[]): readonly string[] =>
  names.filter((name) => stored(lab, name) !== undefined);

describe("what is owned", () => {
  test("is collected only when every owner is gone", async () => {
    const owners = [await make("both-1"), await make("both-2")];
    await make("both", { ownerReferences: owners.map((owner) => ownedBy(owner)) });
    await remove("both-1");
    expect(left("both")).toEqual(["both"]);
    await remove("both-2");
    expect(left("both")).toEqual([]);
  });

  test("is collected when its owner never was", async () => {
    const gone = ownedBy(await make("never"));
    await remove("never");
    await make("late", { ownerReferences: [gone] });
    await settled();
    expect(left("late")).toEqual([]);
  });

  test("holds an owner in foreground deletion when it blocks it, and only then", async () => {
    for (const isBlocking of [true, false]) {
      const name = isBlocking ? "blocked" : "free";
      const ownerReferences = [ownedBy(await make(name), isBlocking)];
      await make(`${name}-part`, { ownerReferences, finalizers: [hold] });
      await remove(name, "?propagationPolicy=Foreground");
      expect(left(name)).toEqual(isBlocking ? [name] : []);
      await release(`${name}-part`);
      expect(left(name, `${name}-part`)).toEqual([]);
    }
  });

  test("outlives an owner that is orphaned, without a word of it", async () => {
    await make("parting-part", { ownerReferences: [ownedBy(await make("parting"))] });
    await remove("parting", "", { propagationPolicy: "Orphan" });
    expect(left("parting")).toEqual([]);
    expect(stored(lab, "parting-part")?.metadata.ownerReferences).toBeUndefined();
  });

  test("is left behind or awaited as propagationPolicy says, in the body as in the query", async () => {
    const policies = { Background: [], Foreground: ["owner"], Orphan: [] };
    for (const [propagationPolicy, expected] of Object.entries(policies))
      for (const isInBody of [true, false]) {
        const ownerReferences = [ownedBy(await make("owner"), true)];
        await make("part", { ownerReferences, finalizers: [hold] });
        if (isInBody) await remove("owner", "", { propagationPolicy });
        else await remove("owner", `?propagationPolicy=${propagationPolicy}`);
        expect([propagationPolicy, ...left("owner")]).toEqual([propagationPolicy, ...expected]);
        const isDying = stored(lab, "part")?.metadata.deletionTimestamp !== undefined;
        expect(isDying).toBe(propagationPolicy !== "Orphan");
        await release("part");
        await remove("part");
      }
  });
});

describe("a deletion", () => {
  test("of another version than the expected one is 409", async () => {
    const { metadata } = await make("versioned");
    const at = (resourceVersion: string) => ({ preconditions: { resourceVersion } });
    expect((await remove("versioned", "", at("1"))).status).toBe(409);
    expect(left("versioned")).toEqual(["versioned"]);
    expect((await remove("versioned", "", at(metadata.resourceVersion))).status).toBe(200);
  });

  test("of a collection takes what its selectors mean and nothing else", async () => {
    await make("front-1", { labels: { tier: "front" } });
    await make("front-2", { labels: { tier: "front" } });
    await make("back", { labels: { tier: "back" } });
    await lab.ask("DELETE", `${widgetsPath}?fieldSelector=metadata.name%3Dfront-1`);
    expect(left("front-1", "front-2", "back")).toEqual(["front-2", "back"]);
    await lab.ask("DELETE", `${widgetsPath}?labelSelector=tier%3Dfront`);
    expect(left("front-1", "front-2", "back")).toEqual(["back"]);
  });
});
