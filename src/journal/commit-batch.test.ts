import { describe, expect, it } from "vitest";
import { type CommitBatch, type CommitPart, mergeParts, prepareCommit } from "./commit-batch.ts";
import type { Commit } from "./journal.ts";

const event = (type: string) => ({ type, data: {}, meta: { actor: "t", schema: 1 }, at: 0 });
const row = (id: string) => ({ table: "runs" as const, id, columns: { id, state: {} } });

const batchOf = (...parts: CommitPart[]): CommitBatch =>
  JSON.parse(mergeParts(parts)) as CommitBatch;

describe("prepareCommit", () => {
  it("numbers events from the expected version on", () => {
    const { part } = prepareCommit({
      appends: [{ stream: "run_1", expected: 3, events: [event("a"), event("b")] }],
    });
    const batch = batchOf(part);
    expect(batch.streams).toEqual([{ s: "run_1", e: 3, n: 5 }]);
    expect(batch.newStreams).toBeUndefined();
    expect(batch.events).toMatchObject([
      { s: "run_1", v: 4, t: "a", a: "1970-01-01T00:00:00.000Z" },
      { s: "run_1", v: 5, t: "b" },
    ]);
  });

  it("inserts the row of a run that begins and updates that of one that goes on", () => {
    const begins = prepareCommit({
      appends: [{ stream: "run_1", expected: 0, events: [event("a")] }],
      rows: [row("run_1"), row("run_2")],
    });
    const batch = batchOf(begins.part);
    expect(batch.newRuns).toMatchObject([{ id: "run_1" }]);
    expect(batch.runs).toMatchObject([{ id: "run_2" }]);
  });

  it("takes a run off the schedule, deletes a row, and seals nothing itself", () => {
    const { part } = prepareCommit({
      appends: [],
      rows: [{ table: "servers", id: "srv_1", columns: null }],
      dispatch: [
        { run: "run_1", kind: "t@1", dueAt: null, release: true },
        { run: "run_2", kind: "t@1", dueAt: 1_000, release: false },
      ],
      secrets: [{ id: "sec_1", sealed: new Uint8Array([1, 2]), run: "run_1", at: 0 }],
    });
    expect(batchOf(part)).toMatchObject({
      goneServers: ["srv_1"],
      undispatch: ["run_1"],
      dispatch: [{ run: "run_2", due: "1970-01-01T00:00:01.000Z", release: false }],
      secrets: [{ id: "sec_1", sealed: "AQI=" }],
    });
  });

  it("touches whatever another commit must see", () => {
    const commits: Record<string, Commit> = {
      stream: { appends: [{ stream: "run_1", expected: 1, events: [] }] },
      "lock taken": { appends: [], takeLocks: [{ resource: "srv_1", run: "run_1", at: 0 }] },
      "lock moved": { appends: [], moveLocks: [{ resource: "srv_1", from: "run_1", to: "run_2" }] },
      "lock released": { appends: [], releaseLocks: [{ resource: "srv_1", run: "run_1" }] },
      row: { appends: [], rows: [row("run_1")] },
      dispatch: {
        appends: [],
        dispatch: [{ run: "run_1", kind: "t@1", dueAt: 0, release: true }],
      },
      key: {
        appends: [],
        keys: [{ caller: "c", key: "k", fingerprint: "f", answer: {}, at: 0 }],
      },
    };
    for (const [name, commit] of Object.entries(commits))
      expect(prepareCommit(commit).touches, name).toHaveLength(1);
    const locks = ["lock taken", "lock moved", "lock released"];
    expect(new Set(locks.flatMap((name) => prepareCommit(commits[name]!).touches)).size).toBe(1);
  });
});

describe("mergeParts", () => {
  it("joins lists in order and leaves the parts as they were", () => {
    const parts = ["a", "b", "c"].map(
      (stream) =>
        prepareCommit({ appends: [{ stream, expected: 0, events: [event(stream)] }] }).part,
    );
    const before = JSON.stringify(parts);
    const merged = batchOf(...parts);
    expect(merged.newStreams).toEqual(["a", "b", "c"].map((s) => ({ s, n: 1 })));
    expect(merged.events).toHaveLength(3);
    expect(JSON.stringify(parts)).toBe(before);
    expect(batchOf()).toEqual({});
  });
});
