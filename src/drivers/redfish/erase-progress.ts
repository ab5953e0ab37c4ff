import type { EraseProgress, EraseTarget } from "#drivers/ports.ts";
import { readMembers } from "./collection.ts";
import { eraseOperationOf } from "./erase-running.ts";
import { hpeEraseStatus } from "./erase-system.ts";
import { Facts } from "./facts.ts";
import { readChassis } from "./inventory/chassis.ts";
import { type FoundDrive, readDrives } from "./inventory/drives.ts";
import { Survey } from "./inventory/survey.ts";
import { readHost, readManagers } from "./machine.ts";
import { isResource, type Reply } from "./reply.ts";
import { isTask, readingOf, seenDone, taskName, taskReadingOf } from "./tasks.ts";
import type { Conversation } from "./wire/conversation.ts";

type Reading = Pick<EraseProgress, "state" | "percent" | "message">;

const unknown = (message: string): Reading => ({ state: "unknown", percent: null, message });

/** A drive that was seen erasing when the erase began: over when it no longer shows it. */
const driveReading = (drive: Facts): Reading => {
  const operation = eraseOperationOf(drive);
  if (operation !== null) {
    return { state: "running", percent: operation.percent, message: operation.name };
  }
  const failed = drive
    .list("Operations")
    .some((entry) => /fail/i.test(entry.text("OperationName") ?? ""));
  return failed
    ? { state: "failed", percent: null, message: "the drive says that the erase failed" }
    : { state: "done", percent: 100, message: "the drive no longer erases" };
};

/**
 * HPE's erase of the whole machine: the values of `UserDataEraseStatus` in its iLO 6 reference. `Idle` after a
 * start means that the firmware has not begun; the machine powers off at the end.
 */
const hpeStates: Readonly<Record<string, Reading["state"]>> = {
  Idle: "running",
  Initiated: "running",
  InProgress: "running",
  CompletedWithSuccess: "done",
  CompletedWithErrors: "failed",
  Failed: "failed",
};

const hpeReading = (system: Facts, status: string): Reading => {
  const state = hpeStates[status] ?? "unknown";
  const oem = system.at("Oem").at("Hpe");
  const elapsed = oem.count("ElapsedEraseTimeInMinutes") ?? 0;
  const estimated = oem.count("EstimatedEraseTimeInMinutes") ?? 0;
  const running = estimated === 0 ? null : Math.min(99, Math.floor((100 * elapsed) / estimated));
  return {
    state,
    percent: state === "done" ? 100 : state === "running" ? running : null,
    message: `UserDataEraseStatus is ${status}`,
  };
};

/** A done erase says what was seen of it: that is its proof. */
const proven = (reading: Reading, facts: Facts, task: string): Reading =>
  reading.state === "done"
    ? { ...reading, message: seenDone(facts, task, reading.message) }
    : reading;

/** A monitor that has no task to show any more answers for the request that it followed. */
const provenBy = (reading: Reading, reply: Reply, task: string): Reading => {
  if (reading.state !== "done") return reading;
  const facts = isResource(reply) ? new Facts(reply.path, reply.body) : null;
  if (facts !== null && isTask(facts)) return proven(reading, facts, task);
  const words = reading.message === null ? "" : `: ${reading.message}`;
  return { ...reading, message: `task monitor ${taskName(task)} answered ${reply.status}${words}` };
};

/** Dell removes tasks minutes after their end, but keeps the jobs behind them under the manager. */
const dellJob = async (talk: Conversation, task: string): Promise<Reading | null> => {
  const id = taskName(task);
  for (const { facts } of await readManagers(talk, await readHost(talk))) {
    const jobs = facts.at("Links").at("Oem").at("Dell").link("Jobs");
    const { members } = await readMembers(talk, jobs, { skip: (path) => taskName(path) !== id });
    const [job] = members;
    if (job?.look.kind !== "found" || !isTask(job.look.facts)) continue;
    const reading = readingOf(job.look.facts);
    if (reading.state === "gone") continue;
    return proven({ ...reading, state: reading.state }, job.look.facts, task);
  }
  return null;
};

const resourceReading = (reply: Reply): Reading | null => {
  if (reply.status >= 400 || !isResource(reply)) return null;
  const facts = new Facts(reply.path, reply.body);
  if (isTask(facts)) return null;
  const status = hpeEraseStatus(facts);
  if (status !== null) return hpeReading(facts, status);
  return facts.models("Operations") ? driveReading(facts) : null;
};

/** What stands at a target's path: a task, a monitor, a drive or (HPE) the system. */
const readPath = async (talk: Conversation, path: string): Promise<Reading | null> => {
  const reply = await talk.ask(path);
  if (reply.status === 429 || reply.status >= 500) throw talk.refuse(reply);
  const resource = resourceReading(reply);
  if (resource !== null) return resource;
  const { state, percent, message } = taskReadingOf(reply);
  if (state === "gone") return dellJob(talk, path);
  return provenBy({ state, percent, message }, reply, path);
};

/** Without a task only a drive that still erases can be told from one about which nothing is known. */
const withoutTask = (drives: readonly FoundDrive[], target: EraseTarget): Reading => {
  const found = drives.find(({ drive }) =>
    target.serial === null ? drive.id === target.driveId : drive.serial === target.serial,
  );
  if (found === undefined) return unknown("the drive is not seen any more");
  const operation = eraseOperationOf(found.facts);
  return operation === null
    ? unknown("the BMC no longer knows the task, and the drive does not tell how it ended")
    : { state: "running", percent: operation.percent, message: operation.name };
};

/** See `BmcPort.readErase`. Targets that share a task share one look at it. */
export const readErase = async (
  talk: Conversation,
  targets: readonly EraseTarget[],
): Promise<readonly EraseProgress[]> => {
  const readings = new Map<string, Reading | null>();
  for (const { task } of targets) {
    if (task !== null && !readings.has(task)) readings.set(task, await readPath(talk, task));
  }
  const isLost = ({ task }: EraseTarget): boolean => task === null || readings.get(task) === null;
  let drives: readonly FoundDrive[] = [];
  if (targets.some(isLost)) {
    const host = await readHost(talk);
    const survey = new Survey(talk);
    const chassis = await readChassis(survey, [{ path: host.path, facts: host.system }]);
    drives = await readDrives(survey, host, chassis);
  }
  return targets.map((target) => {
    const reading = target.task === null ? null : (readings.get(target.task) ?? null);
    return {
      driveId: target.driveId,
      serial: target.serial,
      ...(reading ?? withoutTask(drives, target)),
    };
  });
};
