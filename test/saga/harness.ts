import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunId } from "#contract/ids.ts";
import type { Workflow } from "#engine/kit.ts";
import type { StartRequest } from "#engine/requests.ts";
import type { RunState } from "#engine/run-state.ts";
import { type Backend, backends } from "#test/backends.ts";
import { workflows } from "#workflows/registry.ts";
import {
  type Before,
  type Ending,
  endingOf,
  expectAsBefore,
  expectEnding,
  expectOnce,
  expectRecovered,
  expectSecretsReleased,
  expectUndoneInOrder,
  expectUnlocked,
  lookBefore,
} from "./checks.ts";
import { type Fault, type Faulty, type Stage, faultKinds, faulty } from "./faults.ts";
import { type Site, openSite } from "./site.ts";
import type { ServerSubject, Subject } from "./subject.ts";
import { Troupe } from "./troupe.ts";

/**
 * The saga harness: every step of a workflow meets every fault, mechanically, on the real engine, the real drivers and a
 * lab. What is promised of every run is checked after each case:
 *
 *   before the pivot     the run failed or was cancelled, and world and resource are as they were
 *   from the pivot on    a failure asks for a person, and the resource says `error`
 *   a death, a second    the run completes all the same
 *
 * Always: no lock is left, no secret without an end, no session at the BMC that is not written down, nothing was done twice under one key. And
 * there is a way on: a failed or cancelled run can be retried, and then completes; a completed one is followed by another.
 *
 * A workflow type has its file `<type>.saga.test.ts` with one call of `sagaCases` or more.
 */

/** What a workflow is played with: a resource in the state that it needs, and the request. */
export interface Arranged {
  readonly id: string;
  readonly subject: Subject;
  readonly request: Pick<StartRequest, "workflow" | "input" | "secrets" | "facts">;
}

export interface ArrangedServer extends Arranged, ServerSubject {
  readonly id: ServerSubject["id"];
}

export interface Arrangement<A extends Arranged = ArrangedServer> {
  /** Tells several arrangements of one workflow apart. */
  readonly title?: string;
  arrange(site: Site): Promise<A>;
  /** What is true once the run has completed, however it came to that. */
  completed(site: Site, arranged: A): Promise<void>;
  /** The steps that are played; all of them unless said otherwise. */
  readonly steps?: readonly string[];
  /** Steps that have nothing to do here, so the engine passes over them and no fault can strike them. */
  readonly skips?: readonly string[];
  /** What the resource shows after a failure past the pivot; `error` unless the workflow says nothing of what it is good for. */
  readonly broken?: string;
  /** How many times as fast as life the machines are; the workflow's own times pass 25 times as fast. */
  readonly labSpeed?: number;
  /** Actions of the lab that may happen once more when a step is repeated. */
  readonly atLeastOnce?: readonly string[];
  /** What can be asked of the resource next; by default a server goes into maintenance. */
  next?(site: Site, arranged: A): Arranged["request"];
}

/** Nothing that a machine does takes longer than a second. */
const fastest = 600;
/** Cases under way at the same time: most of a case is waiting for a machine. */
const atOnce = 8;
/** After these the retry is seen through to its end; after the others it is enough that it would be accepted. */
const seenThrough: readonly Fault["kind"][] = ["fails after its effect", "is cancelled"];
const by = { actor: "harness" };
let cases = 0;

/**
 * `on`: the embedded database, unless said otherwise. Where the databases differ is below the engine, whose own suites run on
 * both; so one workflow of servers and one of clusters are played on both, which shows that nothing above differs.
 */
export function sagaCases<A extends Arranged = ArrangedServer>(
  workflow: Workflow,
  arrangement: Arrangement<A>,
  on: readonly Backend[] = backends.slice(0, 1),
): void {
  vi.setConfig({ maxConcurrency: atOnce });
  afterAll(closeSites);
  const faults = faultsOf(workflow, arrangement);
  const title = [workflow.type, arrangement.title].filter(Boolean).join(" ");
  describe.each(on)(`${title} on $kind`, (backend) => {
    let site: Site;
    beforeAll(async () => {
      site = await siteFor(backend, arrangement.labSpeed ?? fastest);
    }, 180_000);
    it.concurrent.each(faults)("$step $kind", { timeout: 300_000 }, (fault) =>
      play(site, { workflow, arrangement, fault }),
    );
  });
}

/** A file's arrangements share a site; the machines and servers on it are each case's own. */
const sites = new Map<string, Promise<Site>>();

function siteFor(backend: Backend, labSpeed: number): Promise<Site> {
  const key = `${backend.kind} ${labSpeed}`;
  const site = sites.get(key) ?? openSite(backend, labSpeed);
  sites.set(key, site);
  return site;
}

async function closeSites(): Promise<void> {
  const open = await Promise.all(sites.values());
  sites.clear();
  for (const site of open) await site.stop();
}

/** Every step with every fault; every undo twice, because a later step fails. */
function faultsOf(
  { steps, pivot }: Workflow,
  { steps: only, skips = [] }: Pick<Arrangement, "steps" | "skips">,
): readonly Fault[] {
  const undoable = steps.slice(0, pivot?.before).filter(({ name }) => !skips.includes(name));
  return steps.flatMap((step): Fault[] => {
    const { name } = step;
    if (skips.includes(name) || only?.includes(name) === false) return [];
    const runs = faultKinds.map((kind) => ({ kind, step: name }));
    if (typeof step.undo !== "function") return runs;
    const failing = undoable[undoable.indexOf(step) + 1]?.name ?? name;
    return [...runs, { kind: "is undone twice", step: name, failing }];
  });
}

interface Played<A extends Arranged> {
  readonly workflow: Workflow;
  readonly arrangement: Arrangement<A>;
  readonly fault: Fault;
}

interface Scene<A extends Arranged> extends Played<A> {
  readonly site: Site;
  readonly troupe: Troupe;
  readonly arranged: A;
  readonly before: Before;
  readonly ending: Ending;
}

async function play<A extends Arranged>(site: Site, played: Played<A>): Promise<void> {
  const { workflow, arrangement, fault } = played;
  const arranged = await arrangement.arrange(site);
  const { subject } = arranged;
  const before = await lookBefore(subject);
  const ending = endingOf(workflow, fault);
  cases += 1;
  const version = 1_000 + cases;
  const sound = workflows.map((each) => ({ ...each, version }));

  const standing = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const stage: Stage = {
    pace: site.pace,
    effects: async (key) => (await subject.effects()).filter((effect) => effect.key === key).length,
    kill: () => troupe.kill(),
    underWay: () => {
      standing.resolve();
      return released.promise;
    },
  };
  const struck = faulty({ ...workflow, version }, fault, stage);
  const troupe = new Troupe(
    site,
    `case-${cases}`,
    sound.map((each) => (each.type === workflow.type ? struck.workflow : each)),
  );
  const scene: Scene<A> = { ...played, site, troupe, arranged, before, ending };
  await troupe.begin();
  try {
    const run = await start(troupe, arranged.request);
    if (fault.kind === "is cancelled") {
      await Promise.race([standing.promise, site.ended(run)]);
      await cancel(scene, run);
      released.resolve();
    }
    await expectOutcome(scene, run, struck);
    await troupe.goOnWith(sound);
    await goOn(scene, run);
  } finally {
    released.resolve();
    await troupe.end();
  }
  const isRepeated = fault.kind === "dies after each of its effects" || fault.kind === "runs twice";
  await expectOnce(subject, isRepeated ? (arrangement.atLeastOnce ?? []) : []);
  await subject.check?.(fault);
}

async function start(troupe: Troupe, request: Arranged["request"]): Promise<RunId> {
  const accepted = await troupe.engine.start({
    ...request,
    project: "default",
    source: request.workflow.startsWith("server.") ? "atlas" : "arc",
    by,
  });
  return accepted.run.id;
}

async function cancel<A extends Arranged>(
  { troupe, ending, workflow }: Scene<A>,
  run: RunId,
): Promise<void> {
  const cancelled = troupe.engine.cancel({ run, by });
  if (ending === "cancelled, as before") return void (await cancelled);
  await expect(cancelled).rejects.toMatchObject({
    code: "PAST_PIVOT",
    details: { pivot: workflow.pivot?.reason },
  });
}

async function expectOutcome<A extends Arranged>(
  scene: Scene<A>,
  run: RunId,
  { hits }: Faulty,
): Promise<void> {
  const { site, arrangement, arranged, before, ending, fault } = scene;
  const { id, subject } = arranged;
  const ended = await site.ended(run);
  const struck =
    fault.kind === "is undone twice" ? [fault.failing, `undo of ${fault.step}`] : [fault.step];
  expect([...new Set(hits)]).toEqual(struck);
  expectEnding(ended, ending, fault);
  await expectUnlocked(site, id);
  await expectSecretsReleased(site, { run, id, ending });
  switch (ending) {
    case "completed":
      expect(passedOver(ended)).toEqual(arrangement.skips ?? []);
      if (fault.kind === "dies after each of its effects")
        await expectRecovered(site, run, hits.length);
      return arrangement.completed(site, arranged);
    case "failed for good": {
      const shown = await subject.view();
      expect(shown?.state).toBe(arrangement.broken ?? "error");
      return;
    }
    case "failed, as before":
    case "cancelled, as before":
      await expectUndoneInOrder(site, run);
      return expectAsBefore(subject, before);
  }
}

const passedOver = ({ steps }: RunState): readonly string[] =>
  steps.flatMap(({ name, status, attempts }) =>
    status === "skipped" && attempts === 0 ? [name] : [],
  );

/** There is a way on from every end: the retry that the run offers, or whatever comes next. */
async function goOn<A extends Arranged>(scene: Scene<A>, run: RunId): Promise<void> {
  const { site, troupe, arrangement, arranged, ending, fault } = scene;
  if (ending === "completed") {
    const next = await start(troupe, (arrangement.next ?? maintenance)(site, arranged));
    const { status, error } = await site.ended(next);
    expect({ status, error }).toEqual({ status: "completed", error: null });
    return;
  }
  const retry = ending === "failed for good" ? { fromStep: fault.step } : {};
  if (!seenThrough.includes(fault.kind)) {
    const { refusals } = await troupe.engine.planAct("retry", { run, by, retry });
    expect(refusals).toEqual([]);
    return;
  }
  const again = await troupe.engine.retry({ run, by, retry });
  const { status, error } = await site.ended(again.run.id);
  expect({ status, error }).toEqual({ status: "completed", error: null });
  await expectUnlocked(site, arranged.id);
  await arrangement.completed(site, arranged);
}

const maintenance = (_site: Site, { id }: Pick<Arranged, "id">): Arranged["request"] => ({
  workflow: "server.lifecycle",
  input: {
    serverId: id,
    action: "enter-maintenance",
    force: false,
    gracePeriodMs: 0,
    reason: "new fans",
    reprovision: null,
  },
});
