import { describe, expect, it } from "vitest";
import type { Database, Query } from "#platform/database.ts";
import type { CommitBatch } from "./commit-batch.ts";
import { GroupCommitter } from "./group-committer.ts";
import type { Commit } from "./journal.ts";

/** A database that takes a group at a time, remembers it, and answers as the test says. */
function scripted(answer: (batch: CommitBatch) => Error | null = () => null) {
  const groups: CommitBatch[] = [];
  const waiting: (() => void)[] = [];
  let isHeld = false;
  const query: Query = async (_sql, params) => {
    const batch = JSON.parse(params?.[0] as string) as CommitBatch;
    groups.push(batch);
    if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
    const error = answer(batch);
    if (error !== null) throw error;
    return [];
  };
  return {
    database: { query } as unknown as Database,
    groups,
    hold: () => void (isHeld = true),
    release() {
      isHeld = false;
      for (const go of waiting.splice(0)) go();
    },
  };
}

const sqlError = (code: string, detail?: string): Error =>
  Object.assign(new Error(code), { code, ...(detail !== undefined && { detail }) });

const append = (stream: string, expected: number): Commit => ({
  appends: [
    {
      stream,
      expected,
      events: [{ type: "x", data: {}, meta: { actor: "t", schema: 1 }, at: 0 }],
    },
  ],
});
const streamsOf = (batch: CommitBatch): string[] =>
  [...(batch.newStreams ?? []), ...(batch.streams ?? [])].map((each) => (each as { s: string }).s);
const hasStream = (batch: CommitBatch, stream: string): boolean =>
  streamsOf(batch).includes(stream);

describe("group commit", () => {
  it("writes what arrives meanwhile as one group, and counts what it wrote", async () => {
    const { database, groups, hold, release } = scripted();
    let written = 0;
    const committer = new GroupCommitter(database, (commits) => (written += commits));
    hold();
    const first = committer.commit(append("a", 0));
    await expect.poll(() => groups.length).toBe(1);
    const others = ["b", "c", "d"].map((stream) => committer.commit(append(stream, 0)));
    release();
    expect(await Promise.all([first, ...others])).toEqual(Array(4).fill({ ok: true }));
    expect(groups.map(streamsOf)).toEqual([["a"], ["b", "c", "d"]]);
    expect(written).toBe(4);
  });

  it("keeps commits that touch the same stream, lock, key or row in their order, in groups of their own", async () => {
    const { database, groups } = scripted();
    const committer = new GroupCommitter(database, () => undefined);
    const lock = (run: string, resource: string): Commit => ({
      ...append(run, 0),
      takeLocks: [{ resource, run, at: 0 }],
    });
    const release = (run: string, resource: string): Commit => ({
      ...append(run, 1),
      releaseLocks: [{ resource, run }],
    });
    await Promise.all([
      committer.commit(append("a", 0)),
      committer.commit(append("a", 1)),
      committer.commit(append("b", 0)),
      // Not with the first: it touches what a postponed one touches.
      committer.commit({ appends: [...append("a", 2).appends, ...append("c", 0).appends] }),
      committer.commit(append("c", 1)),
      committer.commit(lock("d", "srv_1")),
      committer.commit(release("e", "srv_1")),
    ]);
    expect(groups.map(streamsOf)).toEqual([["a", "b", "d"], ["a", "e"], ["c", "a"], ["c"]]);
  });

  it("never makes a group larger than it should be", async () => {
    const { database, groups } = scripted();
    const committer = new GroupCommitter(database, () => undefined);
    await Promise.all(
      Array.from({ length: 150 }, (_, index) => committer.commit(append(`s${index}`, 0))),
    );
    expect(groups.map((group) => streamsOf(group).length)).toEqual([64, 64, 22]);
  });

  it.each([
    ["MW001", { kind: "version", stream: null }],
    ["MW002", { kind: "lock", holder: "run_1" }],
    ["MW003", { kind: "key" }],
    ["MW004", { kind: "fence" }],
    ["23505", { kind: "version", stream: null }],
  ])("tells only the refused member of a group what %s means", async (code, conflict) => {
    const { database } = scripted((batch) =>
      hasStream(batch, "bad") ? sqlError(code, "run_1") : null,
    );
    const committer = new GroupCommitter(database, () => undefined);
    const results = await Promise.all(
      ["a", "bad", "b"].map((stream) => committer.commit(append(stream, 0))),
    );
    expect(results).toEqual([{ ok: true }, { ok: false, conflict }, { ok: true }]);
  });

  it("rejects only the member that the database cannot take at all", async () => {
    const { database } = scripted((batch) => (hasStream(batch, "bad") ? sqlError("22P05") : null));
    const committer = new GroupCommitter(database, () => undefined);
    const results = await Promise.allSettled(
      ["a", "bad", "b"].map((stream) => committer.commit(append(stream, 0))),
    );
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("tries again after a deadlock or a serialization failure, alone and not for ever", async () => {
    let failures = 3;
    const flaky = scripted(() => ((failures -= 1) >= 0 ? sqlError("40P01") : null));
    expect(
      await new GroupCommitter(flaky.database, () => undefined).commit(append("a", 0)),
    ).toEqual({
      ok: true,
    });
    const never = scripted(() => sqlError("40001"));
    await expect(
      new GroupCommitter(never.database, () => undefined).commit(append("a", 0)),
    ).rejects.toMatchObject({ code: "40001" });
    expect(never.groups.length).toBeLessThan(10);
  });

  it.each(["EPIPE", "08006", "57P01"])(
    "passes on an error of the connection (%s) to the whole group, and repeats nothing",
    async (code) => {
      let isBroken = true;
      const { database, groups } = scripted(() => (isBroken ? sqlError(code) : null));
      const committer = new GroupCommitter(database, () => undefined);
      const results = await Promise.allSettled(
        ["a", "b"].map((stream) => committer.commit(append(stream, 0))),
      );
      expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      expect(groups).toHaveLength(1);
      isBroken = false;
      expect(await committer.commit(append("a", 0))).toEqual({ ok: true });
    },
  );

  it("rejects a commit that cannot be written down, and goes on", async () => {
    const { database } = scripted();
    const committer = new GroupCommitter(database, () => undefined);
    const bad = committer.commit({
      ...append("a", 0),
      expireSecrets: [{ run: "a", at: Number.NaN }],
    });
    await expect(bad).rejects.toThrow(RangeError);
    expect(await committer.commit(append("a", 0))).toEqual({ ok: true });
  });
});
