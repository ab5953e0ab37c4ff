import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { LifecycleAction, ServerAction, type ServerLifecycleState } from "#contract/server.ts";
import { runId } from "#domain/testing/story.ts";
import { allowedActions, refusal } from "./can.ts";
import { Story, lifecycleInput, provisionInput, registerInput, serverId } from "./testing/story.ts";

const failureOf = (answer: unknown): Failure => {
  expect(answer).toBeInstanceOf(Failure);
  return answer as Failure;
};

describe("admit", () => {
  it("makes the server with its first run", () => {
    const answer = new Story().ask("server.register", registerInput);
    expect(answer).toMatchObject([
      { type: "server.requested", data: { server: serverId, bmcAddress: "https://10.0.0.5" } },
      { type: "server.run_began", data: { workflow: "server.register", state: "registering" } },
    ]);
  });

  it("refuses a second registration of a server that is there", () => {
    const answer = new Story().available().ask("server.register", registerInput);
    expect(failureOf(answer).code).toBe("INVALID_STATE_TRANSITION");
  });

  it("takes the retry of a held registration, and keeps what was found out", () => {
    const story = new Story();
    const first = story.begin("server.register", registerInput);
    const identity = {
      uuid: "u-1",
      serial: "S-1",
      manufacturer: null,
      model: null,
      fingerprint256: "AA",
      bmc: { vendor: "hpe", model: null, firmwareVersion: null },
    };
    story.happened(first, { type: "server.identified", data: identity }).end(first, "held");
    story.begin("server.register", { ...registerInput, displayName: "retried" });
    expect(story.server).toMatchObject({
      displayName: "retried",
      uuid: "u-1",
      identified: true,
      bmc: { vendor: "hpe" },
    });
  });

  it("takes the retry of a registration that was undone, from its input alone", () => {
    const story = new Story();
    story.end(story.begin("server.register", registerInput), "undone");
    expect(story.server).toBeNull();
    story.begin("server.register", registerInput);
    expect(story.server).toMatchObject({ id: serverId, displayName: "springfield-7g" });
  });

  const invalid: readonly (readonly [string, Parameters<Story["ask"]>, string])[] = [
    [
      "metal3 is not offered",
      ["server.register", { ...registerInput, provisioner: "metal3" }],
      "provisioner",
    ],
    [
      "a disk image needs another provisioner",
      [
        "server.provision",
        { ...provisionInput, image: { ...provisionInput.image, format: "qcow2" } },
      ],
      "image.format",
    ],
    [
      "a live system does not switch off",
      [
        "server.provision",
        {
          ...provisionInput,
          completion: "power-off",
          image: { ...provisionInput.image, format: "live-iso" },
        },
      ],
      "completion",
    ],
    [
      "skipping the erase needs a reason",
      ["server.decommission", { serverId, skipErase: true, reason: null }],
      "reason",
    ],
    ["an input without its form", ["server.provision", { serverId, image: "debian" }], "image"],
    ["a workflow of others", ["vm.create", {}], "workflow"],
  ];

  it.each(invalid)("%s", (_name, [workflow, input], field) => {
    const story = workflow === "server.register" ? new Story() : new Story().available();
    const failure = failureOf(story.ask(workflow, input));
    expect(failure.code).toBe("VALIDATION_ERROR");
    expect(failure.details?.["fields"]).toHaveProperty([field]);
  });

  it("does not know a server that is not there", () => {
    expect(failureOf(new Story().ask("server.inspect", { serverId })).code).toBe("NOT_FOUND");
  });

  it("names the run at work in a conflict", () => {
    const story = new Story().available();
    const run = story.begin("server.inspect", { serverId });
    const failure = failureOf(story.ask("server.provision", provisionInput));
    expect(failure).toMatchObject({ code: "CONFLICT", details: { activeRunId: run } });
  });

  it("lets a registration inspect inside itself, and nothing else", () => {
    const story = new Story();
    const parent = story.begin("server.register", registerInput);
    expect(story.ask("server.inspect", { serverId }, parent)).not.toBeInstanceOf(Failure);
    expect(failureOf(story.ask("server.provision", provisionInput, parent)).code).toBe("CONFLICT");
    expect(failureOf(story.ask("server.inspect", { serverId }, runId(77))).code).toBe("CONFLICT");
  });
});

describe("can", () => {
  const stories: Readonly<Partial<Record<ServerLifecycleState, () => Story>>> = {
    available: () => new Story().available(),
    ready: () => new Story().ready(),
    registering: () => {
      const story = new Story();
      story.begin("server.register", registerInput);
      return story;
    },
    inspecting: () => {
      const story = new Story().available();
      story.begin("server.inspect", { serverId });
      return story;
    },
    decommissioned: () =>
      new Story().ready().happened(null, {
        type: "server.decommissioned",
        data: { erased: true },
      }),
  };

  it("admits exactly what it offers", () => {
    for (const make of Object.values(stories)) {
      const story = make();
      const server = story.server!;
      if (server.runs.length > 0) continue;
      for (const action of ServerAction.options) {
        const input = {
          inspect: { serverId },
          provision: provisionInput,
          decommission: { serverId, skipErase: false, reason: null },
        }[action as "inspect"];
        const isLifecycle = LifecycleAction.options.some((option) => option === action);
        const answer = isLifecycle
          ? story.ask("server.lifecycle", lifecycleInput(action as LifecycleAction))
          : story.ask(`server.${action}` as "server.inspect", input);
        const isOffered = allowedActions(server).includes(action);
        expect([action, answer instanceof Failure]).toEqual([action, !isOffered]);
      }
    }
  });

  it("names the state and what would be allowed", () => {
    const failure = refusal(new Story().available().server!, "reprovision");
    expect(failure?.message).toContain("is available; allowed are inspect, provision");
    expect(failure?.details).toMatchObject({
      state: "available",
      allowed: expect.arrayContaining(["provision"]),
    });
  });

  it("never offers to provision over a server that is in use", () => {
    expect(allowedActions(new Story().ready().server!)).not.toContain("provision");
    const broken = new Story().ready();
    broken.end(broken.begin("server.lifecycle", lifecycleInput("power-off")), "pastPivot");
    expect(allowedActions(broken.server!)).not.toContain("provision");
  });

  it("offers nothing on what is gone or being worked on", () => {
    for (const state of ["registering", "inspecting", "decommissioned"] as const)
      expect(allowedActions(stories[state]!().server!)).toEqual([]);
  });
});
