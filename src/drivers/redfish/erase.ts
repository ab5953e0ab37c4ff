import { Failure } from "#contract/failures.ts";
import type { EraseOffer, EraseTarget } from "#drivers/ports.ts";
import { keyOf } from "./address.ts";
import { type Action, readAllowed } from "./action.ts";
import { eraseOperationOf, readBegunTasks } from "./erase-running.ts";
import { dellErase, hpeErase, type SystemErase } from "./erase-system.ts";
import { readChassis } from "./inventory/chassis.ts";
import { eraseActionOf, type FoundDrive, readDrives } from "./inventory/drives.ts";
import { Survey } from "./inventory/survey.ts";
import { type Host, readHost } from "./machine.ts";
import { powerOf } from "./power.ts";
import { taskOf } from "./tasks.ts";
import type { Conversation } from "./wire/conversation.ts";

/**
 * The machine's drives, at least one, or a failure when one of them may have gone unseen: what is not seen is not
 * erased. An empty list alone proves nothing: many BMCs list no drive while the machine is off or in its self-test.
 */
export const findDrives = async (
  talk: Conversation,
  host: Host,
): Promise<readonly FoundDrive[]> => {
  const survey = new Survey(talk);
  const chassis = await readChassis(survey, [{ path: host.path, facts: host.system }]);
  const drives = await readDrives(survey, host, chassis);
  const missed = survey.notSeen.filter(({ part }) => part === "drives" || part === "chassis");
  if (missed.length === 0 && drives.length > 0) return drives;
  const { power } = powerOf(host.system);
  const isBare = missed.length === 0 && power === "on";
  throw new Failure(
    "BMC_UNSUPPORTED",
    isBare
      ? "the BMC shows no drive of the machine, which is on"
      : missed.length > 0
        ? "the BMC does not show every drive, so not all can be erased"
        : "the machine is off and shows no drive, so none can be erased",
    { details: { power, notSeen: missed, reason: isBare ? "no-drives" : "drives-not-seen" } },
  );
};

/** Sanitization methods, the quickest that proves itself first (NVMe and SED drives forget their key). */
const methods = ["CryptographicErase", "BlockErase", "Overwrite"];

const bodyFor = async (
  talk: Conversation,
  action: Action,
): Promise<{ readonly method: string; readonly body: object }> => {
  const allowed = await readAllowed(talk, action, "SanitizationType");
  const method = methods.find((name) => allowed?.includes(name) === true) ?? null;
  const times = action.facts.at("@Redfish.OperationApplyTimeSupport").texts("SupportedValues");
  const [firstTime] = times;
  const time = times.includes("Immediate") ? "Immediate" : firstTime;
  return {
    method: method ?? "SecureErase",
    body: {
      ...(method === null ? {} : { SanitizationType: method }),
      ...(time === undefined ? {} : { "@Redfish.OperationApplyTime": time }),
    },
  };
};

const appearTries = 4;
const appearPauseMs = 2000;

/**
 * Where an erase without a task can be followed: the drive itself, once it has shown that it erases (iLO). Null
 * when it never does: then nobody can tell how it ended.
 */
const followDrive = async (talk: Conversation, path: string): Promise<string | null> => {
  for (let tries = 0; tries < appearTries; tries += 1) {
    if (tries > 0) await talk.sleep(appearPauseMs);
    const look = await talk.look(path);
    if (look.kind === "found" && eraseOperationOf(look.facts) !== null) return path;
    if (look.kind === "found" && !look.facts.models("Operations")) return null;
  }
  return null;
};

const startDrive = async (
  talk: Conversation,
  found: FoundDrive,
  action: Action,
  begun: ReadonlyMap<string, string>,
): Promise<EraseTarget> => {
  const target = { serial: found.drive.serial, driveId: found.drive.id };
  const operation = eraseOperationOf(found.facts);
  const task = begun.get(keyOf(action.target));
  if (task !== undefined || operation !== null) {
    return { ...target, method: operation?.name ?? "SecureErase", task: task ?? found.path };
  }
  const { method, body } = await bodyFor(talk, action);
  const settled = async (): Promise<boolean> =>
    eraseOperationOf(await talk.get(found.path)) !== null;
  const reply = await talk.write({ method: "POST", target: action.target, body }, { settled });
  return { ...target, method, task: taskOf(reply) ?? (await followDrive(talk, found.path)) };
};

interface Erasable {
  readonly found: FoundDrive;
  readonly action: Action;
}

/** How all drives can be erased; `without` are those for which nothing is offered. */
type Way =
  | { readonly by: "drive"; readonly drives: readonly Erasable[] }
  | { readonly by: "system"; readonly whole: SystemErase }
  | { readonly by: "none"; readonly without: readonly FoundDrive[] };

/**
 * Drive by drive where every drive offers it, because that ends with a proof per serial number; else by the vendor's
 * erase of the whole machine. Reads only.
 */
const wayToErase = async (
  talk: Conversation,
  host: Host,
  drives: readonly FoundDrive[],
): Promise<Way> => {
  const each = drives.map((found) => ({ found, action: eraseActionOf(found.facts) }));
  const erasable = each.flatMap(({ found, action }) =>
    action === null ? [] : [{ found, action }],
  );
  if (erasable.length === drives.length) return { by: "drive", drives: erasable };
  const whole = (await dellErase(talk, host, drives)) ?? hpeErase(talk, host);
  if (whole !== null) return { by: "system", whole };
  const without = each.flatMap(({ found, action }) => (action === null ? [found] : []));
  return { by: "none", without };
};

/** See `BmcPort.eraseOffer`. */
export const eraseOffer = async (talk: Conversation): Promise<readonly EraseOffer[]> => {
  const host = await readHost(talk);
  const drives = await findDrives(talk, host);
  const way = await wayToErase(talk, host, drives);
  return drives.map((found) => ({
    driveId: found.drive.id,
    serial: found.drive.serial,
    way: way.by !== "none" ? way.by : way.without.includes(found) ? "none" : "drive",
  }));
};

/** See `BmcPort.startErase`. An erase of the whole machine has one target per drive, which share its task. */
export const startErase = async (
  talk: Conversation,
  { withinMs }: { readonly withinMs: number },
): Promise<readonly EraseTarget[]> => {
  const host = await readHost(talk);
  const drives = await findDrives(talk, host);
  const way = await wayToErase(talk, host, drives);
  switch (way.by) {
    case "drive": {
      const begun = await readBegunTasks(talk, withinMs);
      const targets: EraseTarget[] = [];
      for (const { found, action } of way.drives)
        targets.push(await startDrive(talk, found, action, begun));
      return targets;
    }
    case "system": {
      const task = await way.whole.start(await readBegunTasks(talk, withinMs));
      return drives.map(({ drive }) => ({
        serial: drive.serial,
        driveId: drive.id,
        method: "system",
        task,
      }));
    }
    case "none":
      throw new Failure("BMC_UNSUPPORTED", "the BMC offers no way to erase some drives", {
        details: {
          drives: way.without.map(({ drive }) => ({ id: drive.id, serial: drive.serial })),
          reason: "no-erase",
        },
      });
  }
};
