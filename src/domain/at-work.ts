import type { FailureCode } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { WorkflowType } from "#contract/run.ts";
import type { RunEnd } from "./resource-model.ts";

/**
 * What every kind of resource does with the runs that change it.
 *
 * Two things make up what the outside sees as `state`. `rest` is what the resource is when nobody works on it;
 * only facts move it. `runs` are the runs at work, the outermost first, each with what the resource shows
 * meanwhile. So a run that ends without effect needs nothing restored: it is taken off, and what was before
 * shows again.
 *
 *   run_began ─▶ at work ─▶ run_ended ─▶ what the facts made of it
 *                                   └──▶ error: the run left something behind (`Broken`)
 */
export interface Worked<
  S extends Sound,
  Trouble extends string = string,
  Work extends AtWork = AtWork,
> {
  readonly rest: Rest<S, Trouble>;
  readonly runs: readonly Work[];
}

/** A run that works on the resource. */
export interface AtWork<State extends string = string> {
  readonly run: RunId;
  readonly workflow: WorkflowType;
  /** What the resource shows while the run lasts, null when it shows no difference. */
  readonly shows: State | null;
}

/** A state in which nothing is wrong; never `error`. */
export interface Sound {
  readonly state: string;
}

export interface Broken<S extends Sound, Trouble extends string = string> {
  readonly state: "error";
  /** What the broken run was about: it decides what is allowed now, and what cures it. */
  readonly trouble: Trouble;
  readonly code: FailureCode;
  readonly message: string;
  readonly run: RunId;
  /** A later undo of that run brings back what was before. */
  readonly restorable: boolean;
  /** That run has kept the lock; nobody but its undo or its retry may change the resource. */
  readonly held?: true | undefined;
  readonly before: Rest<S, Trouble>;
}

export type Rest<S extends Sound, Trouble extends string = string> = S | Broken<S, Trouble>;

/** What a run leaves behind, as its end tells it. */
export interface LeftBehind {
  readonly code: FailureCode;
  readonly message: string;
  readonly restorable: boolean;
  readonly held?: true | undefined;
}

const isBroken = <S extends Sound, T extends string>(rest: Rest<S, T>): rest is Broken<S, T> =>
  rest.state === "error";

/** Nothing is wrong with the resource, whoever works on it at the moment. */
export const isSound = <S extends Sound>({ rest }: Pick<Worked<S>, "rest">): boolean =>
  !isBroken(rest);

/** What the outside sees: the innermost run that shows something, or the state at rest. */
export const shownState = <State extends string>(resource: {
  readonly rest: { readonly state: State };
  readonly runs: readonly { readonly shows: State | null }[];
}): State => resource.runs.findLast((entry) => entry.shows !== null)?.shows ?? resource.rest.state;

/** The run that ended and was held, and still has the resource's lock. */
export const heldBy = <S extends Sound>({ rest }: Pick<Worked<S>, "rest">): RunId | null =>
  isBroken(rest) && rest.held === true ? rest.run : null;

/** The run at work on the resource: the outermost one; the others are its children. */
export const holder = ({ runs }: { readonly runs: readonly AtWork[] }): RunId | null =>
  runs[0]?.run ?? null;

/** The error that this run left, if it still stands. */
export const brokenBy = <S extends Sound, T extends string>(
  rest: Rest<S, T>,
  run: RunId,
): Broken<S, T> | null => (isBroken(rest) && rest.run === run ? rest : null);

/** The resource once a run has begun. Only its retry gets past a held run, and takes the lock over. */
export function withRun<S extends Sound, T extends string, W extends AtWork>(
  { rest, runs }: Worked<S, T, W>,
  entry: W,
): Worked<S, T, W> {
  const others = runs.filter(({ run }) => run !== entry.run);
  return { runs: [...others, entry], rest: unheld(rest) };
}

function unheld<S extends Sound, T extends string>(rest: Rest<S, T>): Rest<S, T> {
  if (!isBroken(rest) || rest.held !== true) return rest;
  const { held: _held, ...free } = rest;
  return free;
}

/** The resource once a run has ended, with what it left behind; null: nothing. */
export function withoutRun<S extends Sound, T extends string, W extends AtWork>(
  resource: Worked<S, T, W>,
  end: { readonly run: RunId; readonly error: LeftBehind | null },
  troubleFrom: (entry: W) => T,
): Worked<S, T, W> {
  const { rest } = resource;
  const place = resource.runs.findIndex((entry) => entry.run === end.run);
  // What a run started inside itself cannot outlive it.
  const runs = place === -1 ? resource.runs : resource.runs.slice(0, place);
  const entry = resource.runs[place];
  const mine = brokenBy(rest, end.run);
  if (end.error === null) return { runs, rest: mine === null ? rest : mine.before };
  const trouble = mine?.trouble ?? (entry === undefined ? null : troubleFrom(entry));
  if (trouble === null) return { runs, rest };
  // What was before is remembered once, not piled up with every further failure: an error that can be undone
  // remembers the error under it; a final one only what was sound.
  const under = mine?.before ?? rest;
  const before = end.error.restorable ? finalBelow(under) : soundBelow(under);
  return { runs, rest: { state: "error", trouble, run: end.run, ...end.error, before } };
}

const finalBelow = <S extends Sound, T extends string>(rest: Rest<S, T>): Rest<S, T> =>
  isBroken(rest) && rest.restorable ? finalBelow(rest.before) : rest;

export const soundBelow = <S extends Sound, T extends string>(rest: Rest<S, T>): Rest<S, T> =>
  isBroken(rest) ? soundBelow(rest.before) : rest;

/**
 * How a run leaves its resource, whatever its end.
 *
 *   nothing       completed, or said already by another run: the facts stand, nothing else remains of the run
 *   taken-back    failed or cancelled, and everything that it did is undone
 *   broken        held, incomplete, or failed past the pivot: `error`, with the run that tells the story
 *   abandoned     an operator answers for the rest
 */
export type Settlement<S extends Sound, T extends string> =
  | { readonly as: "nothing" | "taken-back" }
  | { readonly as: "broken"; readonly error: LeftBehind }
  | { readonly as: "abandoned"; readonly left: Broken<S, T> };

export function settlementOf<S extends Sound, T extends string, W extends AtWork>(
  resource: Worked<S, T, W>,
  end: RunEnd,
  troubleFrom: (entry: W) => T,
): Settlement<S, T> {
  const entry = resource.runs.find(({ run }) => run === end.run);
  // Another run has since changed what this one left behind: a late undo or abandon says nothing more about it.
  const left = brokenBy(resource.rest, end.run);
  if (entry === undefined && left === null) return { as: "nothing" };
  if (end.abandoned && left !== null) return { as: "abandoned", left };
  if (end.status === "completed") return { as: "nothing" };
  if (end.attention === null && isTakenBack(end)) return { as: "taken-back" };
  // Abandoned before it had ended, in the middle of its undo: what it would have left is what is abandoned.
  if (end.abandoned && entry !== undefined) {
    const { rest: before } = resource;
    const error = leftBehind(end, false);
    const trouble = troubleFrom(entry);
    return {
      as: "abandoned",
      left: { state: "error", trouble, run: end.run, ...error, before },
    };
  }
  // A child never had a lock of its own: its parent's went with the parent.
  const keepsLock = entry === undefined ? left?.held === true : resource.runs[0] === entry;
  return { as: "broken", error: leftBehind(end, keepsLock) };
}

const isTakenBack = ({ cleanup }: RunEnd): boolean => cleanup === "none" || cleanup === "complete";

function leftBehind(end: RunEnd, keepsLock: boolean): LeftBehind {
  const cause = end.error ?? end.attention;
  return {
    code: cause?.code ?? "INTERNAL_ERROR",
    message: cause?.message ?? `run ${end.run} ended without saying why`,
    restorable: end.cleanup === "held" || end.cleanup === "incomplete",
    ...(end.cleanup === "held" && keepsLock && { held: true as const }),
  };
}

/** What the fact `…run_ended` says of a run's end. */
export const endOf = (
  { run, status }: RunEnd,
  error: LeftBehind | null,
): {
  readonly run: RunId;
  readonly status: RunEnd["status"];
  readonly error: (Omit<LeftBehind, "held"> & { held?: true }) | null;
} => ({
  run,
  status,
  error:
    error === null
      ? null
      : {
          code: error.code,
          message: error.message,
          restorable: error.restorable,
          ...(error.held === true && { held: true as const }),
        },
});

/** How what a management cluster keeps tells of the end of a run. */
export interface EndFacts<Fact, Trouble extends string> {
  readonly creation: WorkflowType;
  readonly creationUndone: Fact;
  readonly deleted: Fact;
  readonly ended: (data: ReturnType<typeof endOf>) => Fact;
  /** Beside a creation's: what is still wrong when a run that failed past its pivot is abandoned. */
  readonly lasting: readonly Exclude<Trouble, "creation" | "deletion">[];
}

/**
 * How a run leaves what a management cluster keeps, whatever its end. A creation that was taken back leaves nothing.
 *
 * Of what was abandoned the operator answers for the rest. A deletion abandoned past its pivot ends with the resource deleted, because a
 * dead management cluster must not make it immortal. A creation stays `error`, from where it can be deleted: without the
 * record nobody could give back what it holds.
 */
export function settleKept<S extends Sound, T extends string, W extends AtWork, Fact>(
  resource: Worked<S, T, W> | null,
  end: RunEnd,
  troubleFrom: (entry: W) => T,
  facts: EndFacts<Fact, T>,
): readonly Fact[] {
  if (resource === null) return [];
  const ended = (error: LeftBehind | null): Fact => facts.ended(endOf(end, error));
  const settlement = settlementOf(resource, end, troubleFrom);
  switch (settlement.as) {
    case "nothing":
      return [ended(null)];
    case "taken-back":
      return [end.workflow === facts.creation ? facts.creationUndone : ended(null)];
    case "broken":
      return [ended(settlement.error)];
    case "abandoned": {
      const { left } = settlement;
      if (left.trouble === "creation")
        return [ended({ ...left, restorable: false, held: undefined })];
      if (left.restorable) return [ended(null)];
      if (left.trouble === "deletion") return [facts.deleted, ended(null)];
      const isLasting = facts.lasting.some((trouble) => trouble === left.trouble);
      return [ended(isLasting ? left : null)];
    }
  }
}
