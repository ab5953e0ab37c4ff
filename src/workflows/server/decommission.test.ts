import { describe, expect, it } from "vitest";
import { Story, serverId } from "#domain/server/testing/story.ts";
import { runId } from "#domain/testing/story.ts";
import { serverDecommission } from "./decommission.ts";

it("check-unused refuses a server that a cluster has, before the machine is asked anything", async () => {
  const cluster = `cls_${"0".repeat(26)}`;
  const to = { cluster, pool: `pool_${"0".repeat(26)}`, group: "workers", run: runId(9) };
  const { server } = new Story()
    .available()
    .happened(to.run, { type: "server.allocated", data: to });
  const step = serverDecommission.steps.find(({ name }) => name === "check-unused")!;
  const context = {
    input: { serverId, skipErase: true, reason: "old" },
    resource: server,
    ports: {},
  };
  await expect(
    step.run(context as unknown as Parameters<typeof step.run>[0]),
  ).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringContaining(cluster) as string,
  });
});

it.each([
  ["that it has written no image on", { cleaning: "metadata", cleanedAt: null, written: null }],
  [
    "that it has cleaned at another time, which is no proof for today",
    { cleaning: "metadata", cleanedAt: "2026-03-02T08:05:00.000Z", written: null },
  ],
  ["that it is told not to clean", { cleaning: "disabled", cleanedAt: null, written: "disk" }],
])("check-unused refuses an erase by Metal3 of a host %s", async (_, { written, ...seen }) => {
  const { server } = new Story().available();
  const place = { managementCluster: "mgmt", namespace: "default" };
  const state = { ...seen, consumer: null, power: "off", image: { wanted: null, written } };
  const step = serverDecommission.steps.find(({ name }) => name === "check-unused")!;
  const check = async (skipErase: boolean, host: object) => {
    const context = {
      input: { serverId, skipErase, reason: "shredded" },
      resource: { ...server, provisioner: "metal3", host: place },
      ports: { hosts: { read: async () => host } },
      signal: new AbortController().signal,
    };
    return step.run(context as unknown as Parameters<typeof step.run>[0]);
  };
  await expect(check(false, state)).rejects.toMatchObject({
    code: "BMC_UNSUPPORTED",
    message: expect.stringContaining("skipErase") as string,
    details: { reason: "no-erase" },
  });
  expect(await check(true, state)).toEqual({ power: "off" });
  const image = { wanted: "disk", written: "disk" };
  expect(await check(false, { ...state, cleaning: "metadata", image })).toEqual({ power: "off" });
});

describe("an erase by Metal3", () => {
  const before = "2026-03-02T08:05:00Z";
  const after = "2026-03-02T08:20:00Z";
  const provisioned = {
    state: "provisioned",
    cleaning: "metadata",
    cleanedAt: before as string | null,
    image: { wanted: "disk", written: "disk" },
    problems: [],
    summary: "",
    paused: false,
  };
  const empty = { ...provisioned, state: "available", image: { wanted: null, written: null } };
  type Seen = typeof provisioned | typeof empty;

  /** Plays the step's looks at a host that looks so at each, and gives what it ends with and what it has told. */
  async function erase(looks: readonly [Seen, ...Seen[]]) {
    const { server } = new Story().available();
    const step = serverDecommission.steps.find(({ name }) => name === "erase")!;
    const told: { readonly type: string }[] = [];
    let memo: unknown;
    let clearings = 0;
    for (const [look, state] of looks.entries()) {
      const context = {
        input: { serverId, skipErase: false, reason: null },
        resource: {
          ...server,
          provisioner: "metal3",
          host: { managementCluster: "mgmt", namespace: "default" },
        },
        ports: {
          hosts: {
            read: async () => state,
            clearImage: async () => {
              clearings += 1;
              return "asked";
            },
          },
        },
        run: { id: runId(3) },
        memo,
        // Hours ahead of the management cluster: what its clock says is compared with what it said.
        now: () => Date.parse("2026-03-02T12:00:00Z"),
        pace: 1,
        fact: (fact: { readonly type: string }) => told.push(fact),
      };
      const result = (await step.run(context as unknown as Parameters<typeof step.run>[0])) as {
        readonly kind?: string;
        readonly memo?: unknown;
      };
      // What is compared with is written down before anything is asked.
      if (look === 0) expect(clearings).toBe(0);
      if (result.kind !== "wait") return told.map(({ type }) => type);
      memo = JSON.parse(JSON.stringify(result.memo ?? null));
    }
    throw new Error("it still waits");
  }

  it.each<[string, string | null]>([
    ["is claimed of a cleaning that ended after the step began", before],
    ["is claimed of the first cleaning that there was", null],
  ])("%s", async (_what, cleanedAt) => {
    const first = { ...provisioned, cleanedAt };
    const ended = { ...empty, cleanedAt: after };
    expect(await erase([first, first, { ...first, state: "deprovisioning" }, ended])).toEqual([
      "server.erased",
    ]);
  });

  const disabled = { cleaning: "disabled" };
  it.each<[string, readonly [Seen, ...Seen[]]]>([
    ["of another time", [empty, empty]],
    [
      "of nothing, while there was none",
      [
        { ...empty, cleanedAt: null },
        { ...empty, cleanedAt: null },
      ],
    ],
    [
      "while cleaning was switched off for a time",
      [
        provisioned,
        { ...provisioned, ...disabled, state: "deprovisioning" },
        { ...empty, cleanedAt: after },
      ],
    ],
    [
      "while cleaning is switched off",
      [provisioned, { ...provisioned, ...disabled }, { ...empty, ...disabled, cleanedAt: after }],
    ],
  ])("is not claimed of a deprovisioning %s", async (_what, looks) => {
    expect(await erase(looks)).toEqual(["server.erase_skipped"]);
  });
});
