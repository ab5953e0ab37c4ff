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
