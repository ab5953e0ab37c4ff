import { keyOf } from "./address.ts";
import { readMembers } from "./collection.ts";
import type { Facts } from "./facts.ts";
import { isTask, readingOf } from "./tasks.ts";
import type { Conversation } from "./wire/conversation.ts";

/** An operation that a drive reports on itself. */
export interface DriveOperation {
  readonly name: string;
  readonly percent: number | null;
}

const erasing = /sanit|eras/i;

/**
 * The erase that a drive says is under way, by `Operations`. An entry without a name is an idle one (recorded on
 * NVIDIA's OpenBMC), one at 100 % is over.
 */
export const eraseOperationOf = (drive: Facts): DriveOperation | null => {
  for (const operation of drive.list("Operations")) {
    const name = operation.text("Operation") ?? operation.text("OperationName");
    const percent = operation.number("PercentageComplete");
    if (name !== null && erasing.test(name) && (percent === null || percent < 100)) {
      return { name, percent };
    }
  }
  return null;
};

/** Services tell times in whole seconds. */
const clockSlackMs = 2_000;

/**
 * The tasks that still run, and those that were begun in the last `withinMs` and went well, by the key of the action
 * that started each: what a crashed attempt has begun is found here instead of being begun again. The BMC's clock may be
 * wrong, so its times are compared with its own. Empty where the service does not tell.
 */
export const readBegunTasks = async (
  talk: Conversation,
  withinMs: number,
): Promise<ReadonlyMap<string, string>> => {
  const root = await talk.root();
  const service = await talk.look(root.tasks);
  if (service.kind === "missing") return new Map();
  // Services list the newest last or first; a hundred covers what can run at once on any BMC.
  const { members } = await readMembers(talk, service.facts.link("Tasks"), { cap: 100 });
  const begunAfter = timeOf(service.facts, "DateTime") - withinMs - clockSlackMs;
  const begun = new Map<string, string>();
  for (const { path, look } of members) {
    if (look.kind === "missing" || !isTask(look.facts)) continue;
    const target = look.facts.at("Payload").text("TargetUri");
    if (target === null) continue;
    const { state } = readingOf(look.facts);
    const isOurs = state === "done" && timeOf(look.facts, "StartTime") >= begunAfter;
    if (state === "running" || isOurs) begun.set(keyOf(target), path);
  }
  return begun;
};

/** ms since 1970; NaN, which is neither before nor after anything, when it is not told. */
const timeOf = (facts: Facts, property: string): number => Date.parse(facts.text(property) ?? "");
