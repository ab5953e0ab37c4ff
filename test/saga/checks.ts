import { expect } from "vitest";
import type { RunId } from "#contract/ids.ts";
import type { Workflow } from "#engine/kit.ts";
import type { RunState } from "#engine/run-state.ts";
import type { Fault } from "./faults.ts";
import { type Site, until } from "./site.ts";
import type { Subject } from "./subject.ts";

/** What must be true after a case, whatever the workflow. */

/** How a run ends that a fault strikes: by what the fault is, and by which side of the pivot it strikes on. */
export type Ending = "completed" | "failed, as before" | "cancelled, as before" | "failed for good";

export function endingOf({ steps, pivot }: Workflow, { kind, step }: Fault): Ending {
  const isPast = pivot !== null && steps.findIndex(({ name }) => name === step) >= pivot.before;
  switch (kind) {
    case "dies after each of its effects":
    case "runs twice":
      return "completed";
    case "is cancelled":
      return isPast ? "completed" : "cancelled, as before";
    case "is undone twice":
    case "fails before its effect":
    case "fails after its effect":
    case "passes its deadline":
      return isPast ? "failed for good" : "failed, as before";
  }
}

export interface Before {
  readonly world: unknown;
  readonly view: unknown;
}

export const lookBefore = async (subject: Subject): Promise<Before> => ({
  world: await subject.world(),
  view: await subject.view(),
});

/**
 * A machine that was switched on again needs a moment to be where it was. What goes on by itself after the run (an inspection that nobody waits for any
 * more) passes through the same state on its way, so one look is not enough.
 */
export async function expectAsBefore(subject: Subject, before: Before): Promise<void> {
  let world = await subject.world();
  const isSame = async (): Promise<boolean> => {
    world = await subject.world();
    return JSON.stringify(world) === JSON.stringify(before.world);
  };
  await until(async () => (await isSame()) && (await isSame())).catch(() => undefined);
  expect(world).toEqual(before.world);
  expect(await subject.view()).toEqual(before.view);
}

export function expectEnding(run: RunState, ending: Ending, fault: Fault): void {
  const { status, cleanup, attention, error } = run;
  const code = fault.kind === "passes its deadline" ? "STEP_TIMEOUT" : "KUBERNETES_REJECTED";
  const step = fault.kind === "is undone twice" ? fault.failing : fault.step;
  switch (ending) {
    case "completed":
      expect({ status, error }).toEqual({ status: "completed", error: null });
      expect(attention).toBeNull();
      return;
    case "cancelled, as before":
      expect({ status, error }).toEqual({ status: "cancelled", error: null });
      expect(["none", "complete"]).toContain(cleanup);
      expect(attention).toBeNull();
      return;
    case "failed, as before":
      expect({ status, error }).toMatchObject({ status: "failed", error: { code, step } });
      expect(["none", "complete"]).toContain(cleanup);
      expect(attention).toBeNull();
      return;
    case "failed for good":
      expect({ status, error }).toMatchObject({ status: "failed", error: { code, step } });
      expect(cleanup).toBe("none");
      expect(attention).toMatchObject({ step });
      expect(attention?.waysOut.join()).toContain("/retry");
      return;
  }
}

/** Every step that began was undone, or had nothing to undo; the last one first. */
export async function expectUndoneInOrder(site: Site, run: RunId): Promise<void> {
  const events = await site.front.journal.read(run);
  const of = (type: string): string[] =>
    events
      .filter((event) => event.type === type)
      .map(({ data }) => (data as { readonly step: string }).step);
  const began = [...new Set(of("step.started"))];
  expect(of("undo.completed")).toEqual(began.toReversed());
}

/** Each time that a process died, the next one said whom it recovered the run from. */
export async function expectRecovered(site: Site, run: RunId, times: number): Promise<void> {
  const events = await site.front.journal.read(run);
  expect(events.filter(({ type }) => type === "run.recovered")).toHaveLength(times);
}

/**
 * Under one key nothing was done twice to the world. What happens by itself has no key. `atLeastOnce`: actions that a
 * process cannot know to have been done when it died.
 */
export async function expectOnce(subject: Subject, atLeastOnce: readonly string[]): Promise<void> {
  const seen = (await subject.effects())
    .filter(({ key, action }) => key !== undefined && !atLeastOnce.includes(action))
    .map(
      ({ key, target, action, detail }) => `${key} ${target} ${action} ${JSON.stringify(detail)}`,
    );
  expect(seen.toSorted()).toEqual([...new Set(seen)].toSorted());
}

export async function expectUnlocked(site: Site, id: string): Promise<void> {
  const locks = await site.database.query("select run_id from locks where resource = $1", [id]);
  expect(locks).toEqual([]);
}

/** What nobody owns has an end; what is owned belongs to a resource that is in use. */
export async function expectSecretsReleased(
  site: Site,
  { run, id, ending }: { readonly run: RunId; readonly id: string; readonly ending: Ending },
): Promise<void> {
  const secrets = await site.database.query<{ owner: string | null; expires_at: Date | null }>(
    "select owner, expires_at from secrets where run_id = $1",
    [run],
  );
  for (const { owner, expires_at } of secrets) {
    if (owner === null) expect(expires_at).not.toBeNull();
    else expect(owner).toBe(id);
    if (ending === "failed, as before" || ending === "cancelled, as before")
      expect(owner).toBeNull();
  }
}
