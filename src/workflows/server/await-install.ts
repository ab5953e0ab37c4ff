import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { Completion } from "#contract/server.ts";
import {
  type InstallLook,
  type InstallWatch,
  follow,
  judge,
  watchBegun,
} from "#domain/server/installation.ts";
import type { SystemState } from "#drivers/ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { type ServerContext, bmcOf, elapsedMs, reading } from "./kit.ts";

/** Waiting for an installer: by its call-back, or by looking at the machine (the domain's `installation.ts`). */

/** When the machine was off and on again for the installer, and the last reset that its BMC knew before. */
export interface Booted {
  readonly offAt: number;
  readonly onAt: number;
  readonly resetBefore: string | null;
}

export interface InstallEnd {
  readonly evidence: Completion;
  /** What was last known of the machine's boots; `restarted`: it has left the installer. */
  readonly watch: InstallWatch;
}

export const Watch = z.object({
  stage: z.enum(["starting", "running", "restarted"]),
  sawSelfTest: z.boolean(),
  bootedAt: z.string().nullable(),
});

/** What the installer posts to the address on its config drive, and when it was heard. */
const Report = z.object({
  status: z.enum(["installed", "failed"]),
  message: z.string().max(2_000).optional(),
  at: z.number(),
});

/** The report of this installation's installer: a retry also hears what came of the installation before. */
function reportIn({ signals }: ServerContext, { offAt }: Booted): z.infer<typeof Report> | null {
  const report = Report.safeParse(signals["installer"]).data ?? null;
  return report !== null && report.at >= offAt ? report : null;
}

export async function awaitInstall(
  context: ServerContext,
  how: Booted & { readonly completion: Completion; readonly live: boolean },
): Promise<Wait | InstallEnd> {
  const report = reportIn(context, how);
  if (report?.status === "failed")
    throw new Failure(
      "PROVISIONING_FAILED",
      `the installer on server ${context.resource.id} reported a failure: ${report.message ?? "it gave no reason"}; its console tells more. Provision the server again once the cause is gone`,
    );
  const before = Watch.safeParse(context.memo).data ?? watchBegun;
  const state = await context.ports.bmc.readState(bmcOf(context.resource), reading(context));
  const look = lookOf(state);
  const watch = follow(before, look, timesOf(context, how));
  const verdict = judge(watch, look, { ...how, reported: report !== null });
  if (verdict.evidence !== null) return { evidence: verdict.evidence, watch };
  const wakes = how.completion === "callback" ? { wakesOn: "the installer's call-back" } : {};
  return wait(verdict.reason, { memo: watch, ...wakes });
}

export const lookOf = ({
  power,
  changing,
  bootProgress,
  lastResetAt,
  boot,
}: SystemState): InstallLook => ({
  power,
  changing,
  bootProgress,
  lastResetAt,
  overrideWaiting: boot === null ? null : boot.enabled === "once",
});

export const timesOf = (context: ServerContext, { onAt, resetBefore }: Booted) => ({
  elapsedMs: elapsedMs(context, onAt),
  resetBefore,
  pace: context.pace,
});
