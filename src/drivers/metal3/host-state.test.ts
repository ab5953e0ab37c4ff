import { describe, expect, it } from "vitest";
import { hostState } from "./host-state.ts";
import { bareMetalHosts } from "./kinds.ts";

const run = "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH";

const read = (host: {
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}) =>
  hostState(
    bareMetalHosts.schema.parse({
      metadata: {
        name: "srv-1",
        namespace: "demo",
        uid: "u",
        resourceVersion: "1",
        ...host.metadata,
      },
      spec: { online: true, ...host.spec },
      ...(host.status !== undefined && { status: host.status }),
    }),
  );

const at = (state: string, more: object = {}) => ({ provisioning: { state }, ...more });

describe("a host", () => {
  it("that nobody has looked at yet is nothing yet", () => {
    expect(read({})).toMatchObject({
      state: "",
      power: "unknown",
      error: null,
      image: { wanted: null, written: null },
      inspectionOf: null,
      cleanedAt: null,
      summary: "Metal3 has not looked at the host yet",
      problems: [],
    });
  });

  it("is on or off only once its state is known", () => {
    expect(read({ status: { poweredOn: false } }).power).toBe("unknown");
    expect(read({ status: at("available", { poweredOn: false }) }).power).toBe("off");
    expect(read({ status: at("available", { poweredOn: true }) }).power).toBe("on");
  });

  it("is wished off when it is held off", () => {
    const annotations = { "reboot.metal3.io/millwright": "" };
    expect(read({}).online).toBe(true);
    expect(read({ metadata: { annotations } }).online).toBe(false);
    expect(read({ spec: { online: false } }).online).toBe(false);
  });

  it("has the image of a run only while an image is wished", () => {
    const metadata = { annotations: { "millwright.dev/image-run": run } };
    const image = { url: "http://127.0.0.1/a.raw" };
    const status = at("provisioned", { provisioning: { state: "provisioned", image } });
    expect(read({ metadata, spec: { image }, status })).toMatchObject({
      imageOf: run,
      image: { wanted: image.url, written: image.url },
    });
    expect(read({ metadata, status }).imageOf).toBeNull();
    const foreign = { annotations: { "millwright.dev/image-run": "somebody" } };
    expect(read({ metadata: foreign, spec: { image } }).imageOf).toBeNull();
  });

  it("tells its inspection's asker, and whether it has begun", () => {
    const annotations = { "inspect.metal3.io": "", "millwright.dev/inspection-run": run };
    expect(read({ metadata: { annotations } })).toMatchObject({
      inspectionPending: true,
      inspectionOf: run,
    });
  });

  it("that waits for a slot is not in trouble", () => {
    const state = read({ status: at("inspecting", { operationalStatus: "delayed" }) });
    expect(state.problems).toEqual([]);
    expect(state.summary).toContain("waits for a free slot");
  });

  it("makes each new failure another complaint, on one line", () => {
    const failing = (errorCount: number) =>
      read({
        status: at("provisioning", {
          errorType: "provisioning error",
          errorMessage: "no\n  device",
          errorCount,
        }),
      });
    expect(failing(1).problems).toEqual([
      {
        source: "BareMetalHost/srv-1",
        reason: "provisioning error",
        message: "no device (failure 1)",
      },
    ]);
    expect(failing(2).problems).not.toEqual(failing(1).problems);
    expect(failing(2).error).toMatchObject({ type: "provisioning error", count: 2 });
  });

  it("that is detached, paused or being deleted says so", () => {
    const detached = { annotations: { "baremetalhost.metal3.io/detached": "" } };
    expect(read({ metadata: detached }).problems).toMatchObject([{ reason: "detached" }]);
    const paused = { annotations: { "baremetalhost.metal3.io/paused": "" } };
    expect(read({ metadata: paused }).paused).toBe(true);
    const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    expect(read({ metadata: going, status: at("deleting") })).toMatchObject({
      deleting: true,
      summary: expect.stringContaining("is being deleted") as string,
    });
  });
});
