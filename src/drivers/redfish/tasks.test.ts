import { describe, expect, it } from "vitest";
import { bodyOf, type Reply } from "./reply.ts";
import { taskOf, taskReadingOf } from "./tasks.ts";

const reply = (status: number, body: unknown, headers: Record<string, string> = {}): Reply => ({
  method: "GET",
  path: "/redfish/v1/Here",
  status,
  headers,
  text: "",
  body: typeof body === "string" ? bodyOf(body) : body,
});

describe("where a 202 can be followed", () => {
  it.each<[string, Reply, string | null]>([
    [
      "Location",
      reply(202, {}, { location: "/redfish/v1/TaskMonitors/7" }),
      "/redfish/v1/TaskMonitors/7",
    ],
    [
      "an absolute Location",
      reply(202, {}, { location: "https://10.0.0.5/redfish/v1/TaskService/Tasks/JID_1" }),
      "/redfish/v1/TaskService/Tasks/JID_1",
    ],
    ["the body's monitor", reply(202, { TaskMonitor: "/m/1", "@odata.id": "/t/1" }), "/m/1"],
    ["the body's own path", reply(202, { "@odata.id": "/t/1" }), "/t/1"],
    ["nothing", reply(202, ""), null],
    ["an answer that was final", reply(204, "", { location: "/t/1" }), null],
  ])("%s", (_name, given, expected) => {
    expect(taskOf(given)).toBe(expected);
  });
});

describe("what an answer says of a task", () => {
  it.each<[string, Reply, string]>([
    ["a monitor's 202", reply(202, ""), "running"],
    ["a running task in a monitor's 202", reply(202, { TaskState: "Running" }), "running"],
    ["a task that waits for a reboot", reply(200, { TaskState: "Pending" }), "running"],
    ["a state that nobody knows", reply(200, { TaskState: "Daydreaming" }), "running"],
    ["a monitor's final answer", reply(200, { "@odata.id": "/slot" }), "done"],
    ["a monitor's final answer without a body", reply(204, ""), "done"],
    ["a completed task", reply(200, { TaskState: "Completed", TaskStatus: "OK" }), "done"],
    [
      "Completed and Critical",
      reply(200, { TaskState: "Completed", TaskStatus: "Critical" }),
      "failed",
    ],
    [
      "Completed and Warning",
      reply(200, { TaskState: "Completed", TaskStatus: "Warning" }),
      "failed",
    ],
    ["Exception", reply(200, { TaskState: "Exception" }), "failed"],
    ["Cancelled", reply(200, { TaskState: "Cancelled" }), "failed"],
    ["Dell's CompletedWithErrors", reply(200, { JobState: "CompletedWithErrors" }), "failed"],
    ["a monitor's refusal", reply(400, { error: { message: "no" } }), "failed"],
    ["a task that was removed", reply(404, ""), "gone"],
    ["a monitor that was removed", reply(410, ""), "gone"],
  ])("%s is %s", (_name, given, state) => {
    expect(taskReadingOf(given).state).toBe(state);
  });

  it("keeps the last of the service's words, and a percentage within bounds", () => {
    const body = {
      TaskState: "Completed",
      TaskStatus: "Critical",
      PercentComplete: 140,
      Messages: [
        { Message: "Started." },
        { MessageId: "JCP052", Message: "Unable to run the job." },
      ],
    };
    expect(taskReadingOf(reply(200, body))).toEqual({
      state: "failed",
      percent: 100,
      message: "Unable to run the job.",
    });
  });

  it("does not trip over numbers that are none", () => {
    for (const PercentComplete of [null, "N/A", -3]) {
      const { percent } = taskReadingOf(reply(200, { TaskState: "Running", PercentComplete }));
      expect(percent === null || percent === 0).toBe(true);
    }
  });
});
