import { targetOf } from "./address.ts";
import { Facts } from "./facts.ts";
import { messagesOf, sayAll } from "./messages.ts";
import { header, isResource, type Reply } from "./reply.ts";
import type { Conversation } from "./wire/conversation.ts";

/** How a task stands. `gone`: the service has removed it, and only the state of its target can tell how it ended. */
export interface TaskReading {
  readonly state: "running" | "done" | "failed" | "gone";
  readonly percent: number | null;
  /** The service's words on it. */
  readonly message: string | null;
}

/**
 * Where a 202 can be followed: its Location (a task monitor on OpenBMC and iLO, the Task itself on iDRAC), else
 * the body's `TaskMonitor` or own path. Null when the service gave neither.
 */
export const taskOf = (reply: Reply | null): string | null => {
  if (reply === null || reply.status !== 202) return null;
  const location = header(reply, "location");
  if (location !== null) return targetOf(location);
  if (!isResource(reply)) return null;
  const body = new Facts(reply.path, reply.body);
  const path = body.text("TaskMonitor") ?? body.id();
  return path === null ? null : targetOf(path);
};

const percentOf = (facts: Facts): number | null => {
  const percent = facts.number("PercentComplete");
  return percent === null ? null : Math.min(100, Math.max(0, percent));
};

const wordsOf = (facts: Facts): string | null => {
  const words = facts
    .list("Messages")
    .map((message) => message.text("Message"))
    .filter((text) => text !== null);
  return words.at(-1) ?? facts.text("Message");
};

/** Dell's job resource has JobState in place of TaskState. */
const stateOf = (facts: Facts): string | null => facts.text("TaskState") ?? facts.text("JobState");

/** True when a resource of this shape is a task or a job. */
export const isTask = (facts: Facts): boolean => stateOf(facts) !== null;

/** Final states of tasks (DSP0266) and of Dell's jobs that are not success; all others but Completed still run. */
const failedStates = new Set([
  "Exception",
  "Killed",
  "Cancelled",
  "CompletedWithErrors",
  "Failed",
  "RebootFailed",
]);

/** The last part of a path: what the service calls the task, and Dell the job behind it. */
export const taskName = (path: string): string =>
  path.replace(/\/+$/, "").split("/").at(-1) ?? path;

/** What was seen of a task or a job that is done: its name, its final state, when it ended by the BMC's clock, its words. */
export const seenDone = (facts: Facts, path: string, words: string | null): string => {
  const end = facts.text("EndTime") ?? facts.text("CompletionTime");
  const at = end === null ? "" : ` at ${end}`;
  return `task ${taskName(path)} ${stateOf(facts) ?? "ended"}${at}${words === null ? "" : `: ${words}`}`;
};

/**
 * Reads a Task's own state. `Completed` with TaskStatus Warning or Critical is a failure: iDRAC says Completed,
 * 100 %, Critical for a job that did not work.
 */
export const readingOf = (facts: Facts): TaskReading => {
  const percent = percentOf(facts);
  const message = wordsOf(facts);
  const status = facts.text("TaskStatus");
  const state = stateOf(facts);
  if (state === "Completed") {
    return status === "Warning" || status === "Critical"
      ? { state: "failed", percent, message: message ?? `completed with status ${status}` }
      : { state: "done", percent: 100, message };
  }
  return state !== null && failedStates.has(state)
    ? { state: "failed", percent, message: message ?? `ended as ${state}` }
    : { state: "running", percent, message: message ?? state };
};

/**
 * What an answer to a GET on a task or its monitor means. 202 is running; a Task tells itself; anything else on
 * a monitor is the final answer to the request that started it, its refusal included.
 */
export const taskReadingOf = (reply: Reply): TaskReading => {
  if (reply.status === 404 || reply.status === 410) {
    return { state: "gone", percent: null, message: null };
  }
  const facts = isResource(reply) ? new Facts(reply.path, reply.body) : null;
  if (facts !== null && isTask(facts) && reply.status < 300) return readingOf(facts);
  if (reply.status === 202) {
    return { state: "running", percent: facts === null ? null : percentOf(facts), message: null };
  }
  const said = sayAll(messagesOf(reply.body));
  return reply.status < 400
    ? { state: "done", percent: 100, message: said === "" ? null : said }
    : { state: "failed", percent: null, message: said === "" ? `answered ${reply.status}` : said };
};

/** Looks at a task once. Throws only when the BMC cannot be asked or is not ready (429, 5xx). */
export const readTask = async (talk: Conversation, path: string): Promise<TaskReading> => {
  const reply = await talk.ask(path);
  if (reply.status === 429 || reply.status >= 500) throw talk.refuse(reply);
  return taskReadingOf(reply);
};

const shortWaitMs = 20_000;
const pollMs = 2000;

/**
 * Watches the task of a short change (media, boot settings) for a few seconds, so that its refusal is told by
 * the verb that asked for it. Still running at the end is no failure: the caller's poll of the state decides.
 */
export const watchShortly = async (
  talk: Conversation,
  reply: Reply | null,
): Promise<TaskReading | null> => {
  const path = taskOf(reply);
  if (path === null) return null;
  const until = talk.now() + shortWaitMs;
  for (;;) {
    const reading = await readTask(talk, path);
    if (reading.state !== "running" || talk.now() + pollMs >= until) return reading;
    await talk.sleep(pollMs);
  }
};
