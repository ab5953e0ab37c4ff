import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { InventoryDrive } from "#contract/inventory.ts";
import { isInSelfTest } from "#domain/server/installation.ts";
import { drivesMissingFrom, isKnownDiskless } from "#domain/server/known-drives.ts";
import type { EraseProgress, EraseTarget, SystemState } from "#drivers/ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { type ServerContext, bmcOf, elapsedMs, reading, writing } from "./kit.ts";
import { Asked, bringOff, bringOn, isWait } from "./power.ts";

/**
 * Erasing all drives of a machine, one look at a time.
 *
 *   started ──▶ erasing ──all done──▶ off again, if we switched it on
 *      └──────────┴─ nothing moves while the machine is off ─▶ switched on
 *
 * It begins with the machine off, so that nothing writes meanwhile. Many machines reach their drives only with
 * power, and some begin an erase only at the next start: those are switched on.
 *
 * Only `done` counts. A drive whose erase cannot be followed any more is not erased.
 *
 * Nothing is begun before every drive that the inspections know is shown. That there is nothing to erase takes more than
 * an empty list: the machine on and past its self-test, ten minutes, and an inspection that found no drive either.
 */

export const ErasedDrive = z.object({
  serial: z.string().nullable(),
  driveId: z.string(),
  method: z.string(),
  proof: z.string().nullable(),
});
export type ErasedDrive = z.infer<typeof ErasedDrive>;

const Target = z.object({
  serial: z.string().nullable(),
  driveId: z.string(),
  method: z.string(),
  task: z.string().nullable(),
});
const Memo = z.object({
  targets: z.array(Target).nullable(),
  since: z.number(),
  /** When and that the machine was asked to be on, for its drives. */
  poweredAt: z.number().nullable(),
  power: Asked.nullable(),
  /** Since when some drive's erase cannot be followed. */
  lostSince: z.number().nullable(),
  erased: z.array(ErasedDrive).nullable(),
});
type Memo = z.infer<typeof Memo>;

/** In declared time: how long an erase may show nothing before the machine is switched on for it. */
const idleMs = 60_000;
/** In declared time: how long a task may be missing before the drive counts as not erased (iDRAC shows new jobs late). */
const lostMs = 60_000;
/** In declared time: how long a machine that is on may take to show its drives. */
const appearMs = 600_000;

/** The proof per drive once all are erased and the machine is off, without any when it has none; else what to wait for. */
export async function eraseAll(context: ServerContext): Promise<Wait | { drives: ErasedDrive[] }> {
  const memo = Memo.safeParse(context.memo).data ?? {
    targets: null,
    since: context.now(),
    poweredAt: null,
    power: null,
    lostSince: null,
    erased: null,
  };
  if (memo.erased !== null) return switchOff(context, memo, memo.erased);
  if (memo.poweredAt !== null && memo.power !== null) {
    const on = await bringOn(context, memo.power, (power) => ({ ...memo, power }));
    return isWait(on) ? on : look(context, { ...memo, power: null });
  }
  return look(context, memo);
}

async function look(context: ServerContext, memo: Memo): Promise<Wait | { drives: ErasedDrive[] }> {
  const begun = memo.targets !== null && memo.targets.length > 0 ? memo.targets : null;
  const targets = begun ?? (await start(context, memo));
  if (isWait(targets)) return targets;
  if (targets.length === 0) return switchOff(context, memo, []);
  const bmc = bmcOf(context.resource);
  const progress = await context.ports.bmc.readErase(bmc, targets, reading(context));
  const failed = progress.filter(({ state }) => state === "failed");
  if (failed.length > 0) throw notErased(context, failed, "ended badly");
  const next = { ...memo, targets: [...targets] };
  const lost = progress.filter(({ state }) => state === "unknown");
  if (lost.length > 0) {
    const lostSince = memo.lostSince ?? context.now();
    if (elapsedMs(context, lostSince) >= lostMs)
      throw notErased(context, lost, "can no longer be followed, so nobody can say how it ended");
    return wait("an erase has vanished from the BMC; looking for it", {
      for: "10s",
      memo: { ...next, lostSince },
    });
  }
  if (progress.every(({ state }) => state === "done")) {
    const drives = targets.map((target) => proofOf(target, progress));
    return switchOff(context, next, drives);
  }
  const isIdle = progress.every(({ percent }) => percent === null || percent === 0);
  if (isIdle && memo.poweredAt === null && elapsedMs(context, memo.since) >= idleMs)
    return switchOn(context, next);
  const running = progress.filter(({ state }) => state === "running").length;
  const since = memo.targets === null ? context.now() : memo.since;
  return wait(`erasing: ${running} of ${targets.length} drives are not done`, {
    memo: { ...next, since, lostSince: null },
  });
}

/**
 * Starts what is not started; without a target only where there is nothing to erase. A machine that hides its drives while
 * it is off is switched on first.
 */
async function start(context: ServerContext, memo: Memo): Promise<Wait | readonly EraseTarget[]> {
  const { ports, resource } = context;
  const bmc = bmcOf(resource);
  const isPatient = elapsedMs(context, memo.poweredAt ?? memo.since) < appearMs;
  const state = await ports.bmc.readState(bmc, reading(context));
  if (isPatient && state.power === "on" && isInSelfTest(state.bootProgress))
    return wait("waiting for the end of the machine's self-test, until which it may hide drives", {
      for: "10s",
      memo,
    });
  try {
    const offer = await ports.bmc.eraseOffer(bmc, reading(context));
    const missing = drivesMissingFrom(resource, offer);
    if (missing.length > 0) throw notShown(missing);
    const withinMs = context.now() - context.startedAt;
    return await ports.bmc.startErase(bmc, { withinMs }, writing(context));
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    if (thrown.code === "BMC_UNSUPPORTED" && thrown.details?.["reason"] === "no-erase")
      throw cannotErase(context, thrown);
    if (thrown.code !== "BMC_UNSUPPORTED" && thrown.code !== "BMC_REJECTED") throw thrown;
    const { power } = state;
    if (memo.poweredAt === null && power !== "on") return switchOn(context, memo);
    if (isPatient)
      return wait("waiting for the machine, which is on, to show its drives", {
        for: "10s",
        memo,
      });
    if (isBare(thrown, state) && isKnownDiskless(resource)) return [];
    throw cannotErase(context, thrown);
  }
}

/** Nothing that the BMC says hints at a drive, and the machine is where it would show its drives. */
const isBare = (thrown: Failure, { power, changing, bootProgress }: SystemState): boolean =>
  thrown.details?.["reason"] === "no-drives" &&
  power === "on" &&
  !changing &&
  !isInSelfTest(bootProgress);

const notShown = (drives: readonly InventoryDrive[]): Failure => {
  const missing = drives.map(({ id, serial }) => ({ driveId: id, serial }));
  return new Failure(
    "BMC_UNSUPPORTED",
    `the BMC does not show ${namesOf(missing)}, known from an inspection`,
    { details: { drives: missing, reason: "drives-not-seen" } },
  );
};

async function switchOn(context: ServerContext, memo: Memo): Promise<Wait> {
  const poweredAt = context.now();
  const on = await bringOn(context, null, (power) => ({ ...memo, poweredAt, power }));
  return isWait(on)
    ? { ...on, reason: "the machine was asked to switch on, because its drives need power" }
    : wait("the machine is on; looking at its drives", { memo: { ...memo, poweredAt } });
}

async function switchOff(
  context: ServerContext,
  memo: Memo,
  erased: ErasedDrive[],
): Promise<Wait | { drives: ErasedDrive[] }> {
  if (memo.poweredAt === null) return { drives: erased };
  const asked = memo.erased === null ? null : memo.power;
  const off = { graceMs: 0, force: true };
  const state = await bringOff(context, off, asked, (power) => ({ ...memo, erased, power }));
  return isWait(state) ? state : { drives: erased };
}

function proofOf(target: EraseTarget, progress: readonly EraseProgress[]): ErasedDrive {
  const { serial, driveId, method } = target;
  const own = progress.find((entry) => entry.driveId === driveId && entry.serial === serial);
  return { serial, driveId, method, proof: own?.message ?? null };
}

/**
 * Refuses, before anything is touched, an erase that the BMC is known not to offer. What it does not show now (many hide
 * their drives while the machine is off) is no reason to refuse: then `eraseAll` finds out.
 */
export async function refuseIfNotErasable(context: ServerContext): Promise<void> {
  const { ports, resource } = context;
  const offer = await ports.bmc
    .eraseOffer(bmcOf(resource), reading(context))
    .catch((thrown: unknown) => {
      if (isUnknown(thrown)) return [];
      throw thrown;
    });
  const without = offer.filter(({ way }) => way === "none");
  if (without.length === 0) return;
  throw new Failure(
    "BMC_UNSUPPORTED",
    `server ${resource.id}: its BMC ${resource.bmc.address} offers no way to erase ${namesOf(without)}; erase or destroy what it cannot by hand, and ask for decommission again with skipErase and a reason`,
    {
      details: {
        drives: without.map(({ driveId, serial }) => ({ id: driveId, serial })),
        reason: "no-erase",
      },
    },
  );
}

/** The BMC does not show its drives, or refuses to show them, as it is now. */
const isUnknown = (thrown: unknown): boolean =>
  thrown instanceof Failure &&
  (thrown.code === "BMC_REJECTED" ||
    (thrown.code === "BMC_UNSUPPORTED" &&
      ["drives-not-seen", "no-drives"].includes(String(thrown.details?.["reason"]))));

/** A big machine has dozens of drives; `details` has them all. */
const mostNamed = 4;

const namesOf = (
  drives: readonly { readonly driveId: string; readonly serial: string | null }[],
): string => {
  const names = drives.map(({ driveId, serial }) =>
    serial === null ? driveId : `${driveId} (serial ${serial})`,
  );
  return names.length <= mostNamed
    ? names.join(", ")
    : `${names.slice(0, mostNamed).join(", ")} and ${names.length - mostNamed} more`;
};

const waysOut =
  "erase or destroy the drives by hand, then abandon this run, or ask for decommission again with skipErase and a reason";

/** Where drives are missed it may be the record that is wrong: one was taken out, or the machine never had any. */
const waysOutOf = (cause: Failure): string =>
  isUnknown(cause)
    ? `${waysOut}; where there is no such drive any more, inspect the server while it is on, then retry this run`
    : waysOut;

const cannotErase = ({ resource }: ServerContext, cause: Failure): Failure =>
  new Failure(cause.code, `server ${resource.id}: ${cause.message}; ${waysOutOf(cause)}`, {
    ...(cause.details !== undefined && { details: cause.details }),
    cause,
  });

function notErased(
  { resource }: ServerContext,
  drives: readonly EraseProgress[],
  how: string,
): Failure {
  return new Failure(
    "ERASE_FAILED",
    `server ${resource.id}: the erase of ${namesOf(drives)} ${how}; ${waysOut}`,
    {
      details: {
        drives: drives.map(({ driveId, serial, state, message }) => ({
          driveId,
          serial,
          state,
          message,
        })),
      },
    },
  );
}
