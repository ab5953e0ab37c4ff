import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { follow } from "#domain/server/installation.ts";
import type { SystemState } from "#drivers/ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { type Booted, type InstallEnd, Watch, lookOf, timesOf } from "./await-install.ts";
import { hostOf } from "./host.ts";
import { type ServerContext, bmcOf, elapsedMs, reading, writing } from "./kit.ts";
import { ejectAll } from "./media.ts";
import { Asked, bringOff, bringOn, isWait } from "./power.ts";

/** From an installer that has done its work to a machine that runs what was installed, and nothing else. */

const Leaving = z.object({ since: z.number(), asked: Asked.nullable(), watch: Watch });

/** In declared time: how long an installer that has called back may take to restart or switch off by itself. */
const leaveMs = 120_000;

/**
 * Null once no installer can be reading the medium any more: ejecting it under one breaks its last steps. A
 * machine that was seen to restart has left it. One that only called back gets a while to do so, and is then
 * switched off.
 */
export async function leaveInstaller(
  context: ServerContext,
  end: InstallEnd & Booted,
): Promise<Wait | null> {
  const memo = Leaving.safeParse(context.memo).data ?? {
    since: context.now(),
    asked: null,
    watch: end.watch,
  };
  if (memo.watch.stage === "restarted") return null;
  if (memo.asked === null) {
    const state = await context.ports.bmc.readState(bmcOf(context.resource), reading(context));
    const watch = follow(memo.watch, lookOf(state), timesOf(context, end));
    if (watch.stage === "restarted") return null;
    if (!isOff(state) && elapsedMs(context, memo.since) < leaveMs)
      return wait("the installer has reported its end; waiting for it to leave the medium", {
        memo: { ...memo, watch },
      });
  }
  const off = { graceMs: 60_000, force: true };
  const state = await bringOff(context, off, memo.asked, (asked) => ({ ...memo, asked }));
  return isWait(state) ? state : null;
}

const isOff = ({ power, changing }: SystemState): boolean => power === "off" && !changing;

const Verifying = z.object({
  onSince: z.number().nullable(),
  bootingSince: z.number().nullable(),
  asked: Asked.nullable(),
});

/** In declared time: how long an installed system may take from power-on until it runs. */
const startMs = 900_000;
/** In declared time: how long `OSBootStarted` lasts where the BMC will never say more than that. */
const silentBootMs = 120_000;

/**
 * Null once the machine is on, boots by itself from now on, and holds no medium that it should not. Where the
 * machine reports its boot progress, the installed system must be seen to start; elsewhere being on is all
 * that can be seen.
 */
export async function verifyInstalled(
  context: ServerContext,
  what: {
    readonly live: boolean;
    readonly urls: readonly string[];
    readonly reportsProgress: boolean;
  },
): Promise<Wait | null> {
  const { ports, resource, now } = context;
  const bmc = bmcOf(resource);
  const memo = Verifying.safeParse(context.memo).data ?? {
    onSince: null,
    bootingSince: null,
    asked: null,
  };
  const on = await bringOn(context, memo.asked, (asked) => ({ ...memo, asked }));
  if (isWait(on)) return on;
  if (hostOf(resource) !== null) return null;
  if (on.boot?.enabled === "once") await ports.bmc.clearBootOverride(bmc, writing(context));
  if (!what.live) {
    const ejecting = await ejectAll(context, what.urls);
    if (ejecting !== null) return { ...ejecting, memo };
  }
  if (!what.reportsProgress || on.bootProgress === "OSRunning") return null;
  // Without media it is the disk that boots, so here `OSBootStarted` speaks of the installed system.
  const bootingSince = on.bootProgress === "OSBootStarted" ? (memo.bootingSince ?? now()) : null;
  if (bootingSince !== null && elapsedMs(context, bootingSince) >= silentBootMs) return null;
  const onSince = memo.onSince ?? now();
  if (elapsedMs(context, onSince) >= startMs)
    throw new Failure(
      "PROVISIONING_FAILED",
      `what was installed on server ${resource.id} does not start: the machine stays at ${on.bootProgress ?? "an unknown point"} of its boot; look at its console and provision it again`,
      { details: { bootProgress: on.bootProgress } },
    );
  return wait("waiting for the installed system to start", {
    memo: { ...memo, onSince, bootingSince },
  });
}
