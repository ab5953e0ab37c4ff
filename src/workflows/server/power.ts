import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { SystemState } from "#drivers/ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { type ServerContext, elapsedMs } from "./kit.ts";
import { machineOf } from "./machine.ts";

/**
 * Bringing a machine to a power state, one look at a time. A look reads first, asks only for what is not yet so,
 * and remembers in the step's memo when it asked; the engine does the waiting. After a crash the next look
 * reads again, so nothing is asked of a machine that is there already.
 */

/** How a machine may be switched off. */
export interface Off {
  /** How long its operating system gets to shut down, in declared ms; 0 asks it nothing. */
  readonly graceMs: number;
  /** Cut the power when it has not. */
  readonly force: boolean;
}

export const Asked = z.object({
  askedAt: z.number(),
  /** When it was asked for the last time: asking is repeated while the machine shows no sign of having heard. */
  repeatedAt: z.number(),
  forcedAt: z.number().nullable(),
});
/** What a look at a machine on its way off or on remembers. */
export type Asked = z.infer<typeof Asked>;

export const askedIn = (memo: unknown): Asked | null => Asked.safeParse(memo).data ?? null;

/** A power-on takes at most a minute or so; longer means that it does not happen. */
const startMs = 180_000;

/** In declared time: after this long without a sign a request is made again. */
const repeatMs = 45_000;

const askedNow = (context: ServerContext): Asked => {
  const now = context.now();
  return { askedAt: now, repeatedAt: now, forcedAt: null };
};

/**
 * A machine in its self-test, and one that was just switched off, take a request and forget it. One that is
 * changing has heard it.
 */
const isUnheard = (context: ServerContext, state: SystemState, asked: Asked): boolean =>
  !state.changing && elapsedMs(context, asked.repeatedAt) >= repeatMs;

const isAt = (state: SystemState, power: "on" | "off"): boolean =>
  state.power === power && !state.changing;

/** The machine's state once it is off; else what to wait for. `remember` puts the memo into the step's own. */
export async function bringOff(
  context: ServerContext,
  off: Off,
  asked: Asked | null,
  remember: (asked: Asked) => unknown = (memo) => memo,
): Promise<Wait | SystemState> {
  const { now } = context;
  const machine = machineOf(context);
  const state = await machine.readState();
  if (isAt(state, "off")) {
    // Whether this step has forced it is not known for sure: it may have died before it could say so.
    if (off.force) await machine.letGo();
    return state;
  }
  const isCut = off.force && off.graceMs === 0;
  if (asked === null && !isCut && (await asksSystem(context, off))) {
    const memo = remember(askedNow(context));
    return wait("the operating system was asked to shut down", { memo });
  }
  if (asked === null || asked.forcedAt === null) {
    const graceOver = asked === null || elapsedMs(context, asked.askedAt) >= off.graceMs;
    if (!graceOver) {
      const isRepeated = isUnheard(context, state, asked) && (await asksSystem(context, off));
      const memo = remember(isRepeated ? { ...asked, repeatedAt: now() } : asked);
      return wait("the operating system was asked to shut down", { memo });
    }
    if (!off.force)
      throw mismatch(
        context,
        "off",
        "its operating system did not shut down in the grace period; ask again with force to cut the power",
      );
    await machine.setPower("force-off");
    const memo = remember({ ...(asked ?? askedNow(context)), forcedAt: now() });
    return wait("the power was cut; waiting for the machine to be off", { memo });
  }
  if (elapsedMs(context, asked.forcedAt) >= machine.cutMs)
    throw mismatch(context, "off", "the request to cut its power was taken, and it is still on");
  return wait("the power was cut; waiting for the machine to be off", { memo: remember(asked) });
}

/** False when the machine cannot be asked to shut down and its power may be cut instead. */
async function asksSystem(context: ServerContext, off: Off): Promise<boolean> {
  try {
    await machineOf(context).setPower("off");
    return true;
  } catch (thrown) {
    const cannot =
      thrown instanceof Failure &&
      (thrown.code === "BMC_REJECTED" || thrown.code === "BMC_UNSUPPORTED");
    if (cannot && off.force) return false;
    throw thrown;
  }
}

/** The machine's state once it is on; else what to wait for. */
export async function bringOn(
  context: ServerContext,
  asked: Asked | null,
  remember: (asked: Asked) => unknown = (memo) => memo,
): Promise<Wait | SystemState> {
  const { now } = context;
  const machine = machineOf(context);
  const state = await machine.readState();
  if (isAt(state, "on")) return state;
  const reason = "the machine was asked to switch on";
  if (asked === null) {
    await machine.setPower("on");
    return wait(reason, { memo: remember(askedNow(context)) });
  }
  if (elapsedMs(context, asked.askedAt) >= startMs)
    throw mismatch(context, "on", "the BMC took the request and still reports it as off");
  if (!isUnheard(context, state, asked)) return wait(reason, { memo: remember(asked) });
  await machine.setPower("on");
  return wait(reason, { memo: remember({ ...asked, repeatedAt: now() }) });
}

export const isWait = <Result extends object>(result: Wait | Result): result is Wait =>
  "kind" in result;

function mismatch({ resource }: ServerContext, wanted: "on" | "off", why: string): Failure {
  return new Failure(
    "POWER_STATE_MISMATCH",
    `server ${resource.id} was to be ${wanted}: ${why} (BMC ${resource.bmc.address}); look at the machine before trying again`,
    { details: { wanted, bmcAddress: resource.bmc.address } },
  );
}

/**
 * Off and on again, each of which can be seen. The off is journalled before the on is asked for, so that a crash
 * in between, or after, never makes a second cycle: a machine that is on although its off was journalled
 * has been switched on by this very step.
 */
const Cycle = z.discriminatedUnion("doing", [
  z.object({ doing: z.literal("off"), asked: Asked }),
  z.object({
    doing: z.literal("on"),
    asked: Asked.nullable(),
    offAt: z.number(),
    resetBefore: z.string().nullable(),
  }),
]);

export interface Cycled {
  readonly on: SystemState;
  /** When it was seen to be off. */
  readonly offAt: number;
  /** `lastResetAt` as the BMC told it while the machine was off. */
  readonly resetBefore: string | null;
}

/** Between off and on: capacitors drain, and some BMCs refuse a power-on for a moment. */
const betweenOffAndOn = "5s";

/** What is known of the machine once it has been off and is on; else what to wait for. */
export async function cyclePower(
  context: ServerContext,
  off: Off,
  beforeOn: () => Promise<void> = async () => undefined,
): Promise<Wait | Cycled> {
  const memo = Cycle.safeParse(context.memo).data ?? null;
  if (memo?.doing !== "on") {
    const isOff = await bringOff(context, off, memo?.asked ?? null, (asked) => ({
      doing: "off",
      asked,
    }));
    if (isWait(isOff)) return isOff;
    return wait("the machine is off and is about to be switched on", {
      for: betweenOffAndOn,
      memo: {
        doing: "on",
        asked: null,
        offAt: context.now(),
        resetBefore: isOff.lastResetAt,
      },
    });
  }
  if (memo.asked === null) {
    const state = await machineOf(context).readState();
    // One that is off no more was asked by this step before a crash: its boot must not be prepared a second time.
    if (isAt(state, "off")) await beforeOn();
  }
  const on = await bringOn(context, memo.asked, (asked) => ({ ...memo, asked }));
  return isWait(on) ? on : { on, offAt: memo.offAt, resetBefore: memo.resetBefore };
}
