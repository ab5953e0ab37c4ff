import { expect, it } from "vitest";
import { Story, debian, provisionInput } from "#domain/server/testing/story.ts";
import { runId } from "#domain/testing/story.ts";
import { serverProvision } from "./provision.ts";

/** Which media a run takes out again that others put in before it, told by what their steps have journalled. */

const { server } = new Story().ready();
const driveOf = (run: string): string => `https://cp.example/${run}`;

const ejectedBy = async (output: unknown): Promise<readonly string[]> => {
  const ejected: string[] = [];
  const bmc = {
    ejectMedia: async (_bmc: unknown, url: string) => {
      ejected.push(url);
      return "asked";
    },
    readMedia: async () => [],
  };
  const step = serverProvision.steps.find(({ name }) => name === "insert-media")!;
  expect(step.output?.safeParse(output)).toEqual({ success: true, data: output });
  if (typeof step.undo !== "function") throw new Error("insert-media has an undo");
  const context = {
    input: provisionInput,
    output,
    ports: { bmc, configDrive: { url: driveOf } },
    resource: server,
    run: { id: runId(2) },
    signal: new AbortController().signal,
    key: "run/insert-media",
  };
  await step.undo(context as unknown as Parameters<typeof step.undo>[0]);
  return ejected;
};

it("ejects an earlier run's image and the drive that is made from its id", async () => {
  const image = "https://images.example/other.iso";
  expect(await ejectedBy({ image, driveOf: runId(1) })).toEqual([
    debian.url,
    driveOf(runId(2)),
    image,
    driveOf(runId(1)),
  ]);
});

it("ejects the URLs that runs journalled before they named the drive's run instead", async () => {
  const urls = [debian.url, "https://cp.example/as-it-was"];
  expect(await ejectedBy({ urls })).toEqual([
    debian.url,
    driveOf(runId(2)),
    "https://cp.example/as-it-was",
  ]);
});
