import { expect, it } from "vitest";
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
  const cleaned = { ...state, cleaning: "metadata", cleanedAt: "2026-03-02T08:05:00.000Z" };
  expect(await check(false, cleaned)).toEqual({ power: "off" });
});
