import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { clusterFacts } from "#contract/cluster.ts";
import { EventMeta, runEvents, type TimedRunEvent } from "#contract/events.ts";
import { Instant } from "#contract/ids.ts";
import { poolFacts } from "#contract/pool.ts";
import { serverFacts } from "#contract/server.ts";
import { vmFacts } from "#contract/vm.ts";
import { clusterModel } from "#domain/cluster/model.ts";
import { poolModel } from "#domain/pool/model.ts";
import { serverModel } from "#domain/server/model.ts";
import { vmModel } from "#domain/vm/model.ts";
import type { FactModel, Happened } from "#domain/resource-model.ts";
import { foldRun } from "#engine/run-stream.ts";
import type { NewEvent } from "#journal/journal.ts";

/**
 * A sample of every version of every event, as some journal holds it. They are never changed and never regenerated: what
 * was written once must be read for ever. A new shape is a new version, with a sample of its own beside the old one.
 */

const folder = new URL("./goldens/events/", import.meta.url);
const schemas: Readonly<Record<string, z.ZodType>> = {
  ...runEvents,
  ...serverFacts,
  ...poolFacts,
  ...clusterFacts,
  ...vmFacts,
};

const Sample = z.strictObject({
  stream: z.string(),
  type: z.string(),
  at: Instant,
  meta: EventMeta,
  data: z.unknown(),
});
type Sample = z.infer<typeof Sample>;

const files = readdirSync(folder).toSorted();
const read = (file: string): Sample =>
  Sample.parse(JSON.parse(readFileSync(new URL(file, folder), "utf8")));
const samples = files.map((file) => ({ file, sample: read(file) }));
const asEvent = ({ type, data, meta, at }: Sample): NewEvent => ({
  type,
  data,
  meta,
  at: Date.parse(at),
});

it("has a sample of version 1 of every event that the contract knows", () => {
  const missing = Object.keys(schemas).filter((type) => !files.includes(`${type}.v1.json`));
  expect(
    missing,
    "write test/goldens/events/<type>.v1.json for these, as the journal will hold it",
  ).toEqual([]);
});

it.each(samples)("$file is read in full", ({ file, sample }) => {
  const { type, meta, data } = sample;
  expect(file, "the file is named for its event and version").toBe(`${type}.v${meta.schema}.json`);
  const schema = schemas[type];
  expect(schema, `${type} was written once, so the contract must know it for ever`).toBeDefined();
  // A field that the schema drops would be lost to everybody who reads the journal.
  expect(schema?.parse(data)).toEqual(data);
});

describe("the folds", () => {
  const ofStream = (prefix: string): Sample[] =>
    samples.map(({ sample }) => sample).filter(({ stream }) => stream.startsWith(prefix));

  it("take every sample of a run's events into account", () => {
    const requested = ofStream("run_").find(({ type }) => type === "run.requested")!;
    const fresh = foldRun(requested.stream, [asEvent(requested)])!;
    /** These tell of the run without changing how it stands. */
    const silent = ["run.requested", "run.recovered"];
    for (const sample of ofStream("run_")) {
      const state = foldRun(requested.stream, [asEvent(requested), asEvent(sample)])!;
      const same = { ...state, streamVersion: fresh.streamVersion, updatedAt: fresh.updatedAt };
      if (silent.includes(sample.type)) expect(same, sample.type).toEqual(fresh);
      else expect(state.streamVersion, sample.type).toBe(2);
    }
    const done = (type: TimedRunEvent["type"]) =>
      foldRun(requested.stream, [
        asEvent(requested),
        asEvent(ofStream("run_").find((sample) => sample.type === type)!),
      ])!;
    expect(done("run.completed")).toMatchObject({ status: "completed", phase: "ended" });
    expect(done("run.failed")).toMatchObject({ status: "failed", cleanup: "complete" });
    expect(done("run.cancelled")).toMatchObject({ status: "cancelled" });
    expect(done("step.failed").waiting?.reason).toContain("BMC_CONNECTION_FAILED");
    expect(done("run.paused").phase).toBe("paused");
  });

  /** Folds each sample of one kind of resource onto its first; each but the one that undoes it leaves its mark. */
  function expectTaken<
    State extends { readonly updatedAt: number },
    Fact extends { readonly type: string; readonly data: unknown },
  >(
    prefix: string,
    model: FactModel<State, Fact>,
    { made, unmade }: { readonly made: Fact["type"]; readonly unmade: Fact["type"] },
  ): void {
    const fact = (sample: Sample) =>
      ({ ...asEvent(sample), run: sample.meta.causation ?? null }) as unknown as Happened<Fact>;
    const facts = ofStream(prefix);
    const first = model.evolve(null, fact(facts.find(({ type }) => type === made)!));
    expect(first).not.toBeNull();
    for (const sample of facts) {
      const state = model.evolve(first, fact(sample));
      if (sample.type === unmade) expect(state).toBeNull();
      else expect(state?.updatedAt, sample.type).toBe(Date.parse(sample.at));
    }
  }

  it("take every sample of a server's facts", () => {
    expectTaken("srv_", serverModel, {
      made: "server.requested",
      unmade: "server.registration_undone",
    });
  });

  it("take every sample of a cluster's facts", () => {
    expectTaken("cls_", clusterModel, {
      made: "cluster.requested",
      unmade: "cluster.creation_undone",
    });
  });

  it("take every sample of a virtual machine's facts", () => {
    expectTaken("vm_", vmModel, {
      made: "vm.requested",
      unmade: "vm.creation_undone",
    });
  });

  it("take every sample of a pool's facts", () => {
    expectTaken("pool_", poolModel, { made: "pool.created", unmade: "pool.deleted" });
  });
});
