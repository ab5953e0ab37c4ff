import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { PowerState } from "#contract/inventory.ts";
import { ServerDecommissionInput } from "#contract/server-inputs.ts";
import { inCluster } from "#domain/server/allocation.ts";
import type { HostRef, HostState } from "#drivers/host-ports.ts";
import { nothing, type Skip, skip, type Wait, wait } from "#engine/kit.ts";
import { ErasedDrive, type ErasedDrive as Erased, eraseAll, refuseIfNotErasable } from "./erase.ts";
import { cleanHost } from "./erase-host.ts";
import { lookUnlessAway } from "#workflows/kubernetes.ts";
import { hostOf, ifMetal3, theHostOf, unenroll, unlessMetal3 } from "./host.ts";
import { type ServerContext, bmcOf, elapsedMs, reading, workflow } from "./kit.ts";
import { Asked, askedIn, bringOff, bringOn, isWait } from "./power.ts";

/**
 * server.decommission: takes a machine out of use for good, with proof of what became of its disks.
 *
 *   check-unused ▶ power-off ═ erase ▶ unenroll ▶ forget-credentials ▶ record
 *
 * An erase that the BMC is known not to offer, or that Metal3 would not do, is refused by `check-unused`, with the machine as it was:
 * erasing by hand and `skipErase` with a reason is the way then.
 *
 * A dead BMC must not make a server immortal. Its machine cannot be switched off, which is said and passed
 * over; the erase then fails for good, past the pivot, and an operator may abandon the run: the record then
 * says `not erased` (see the domain's `settle`). Who knows the BMC to be dead asks for `skipErase` at once.
 */
export const serverDecommission = workflow("server.decommission", {
  version: 1,
  summary: "Erases a server's disks, forgets its credentials and takes it out of use for good.",
  input: ServerDecommissionInput,
  resource: ({ input }) => ({ type: "server", id: input.serverId }),
  onFailure: "undo",
})
  .step("check-unused", {
    expected: "2s",
    within: "10m",
    output: z.object({ power: PowerState }),
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const { ports, resource } = context;
      const { id, allocation } = resource;
      if (allocation !== null) throw inCluster(id, allocation, "it cannot be decommissioned");
      const host = hostOf(resource);
      if (host !== null) return checkHost(context, host);
      try {
        const { power } = await ports.bmc.readState(bmcOf(resource), reading(context));
        if (!context.input.skipErase) await refuseIfNotErasable(context);
        return { power };
      } catch (thrown) {
        if (isUnreachable(thrown)) return { power: "unknown" as const };
        throw thrown;
      }
    },
  })
  .step("power-off", {
    skipWhen: ifMetal3("Metal3 switches the host off when it lets it go"),
    expected: "20s",
    within: "15m",
    poll: { min: "2s", max: "10s" },
    run: async (context) => {
      const unreachable = Unreachable.safeParse(context.memo).data;
      try {
        const off = { graceMs: 60_000, force: true };
        const state = await bringOff(context, off, askedIn(context.memo));
        return isWait(state) ? state : tellPower(context, "off");
      } catch (thrown) {
        if (!isUnreachable(thrown)) throw thrown;
        const since = unreachable?.unreachableSince ?? context.now();
        if (elapsedMs(context, since) >= unreachableMs)
          return skip(
            `the BMC ${context.resource.bmc.address} does not answer: the machine may still be on, switch it off by hand`,
          );
        return wait("the BMC does not answer; trying to switch the machine off", {
          for: "20s",
          memo: { unreachableSince: since },
        });
      }
    },
    undo: async (context) => {
      if (context.prior["check-unused"]?.power !== "on") return;
      // A shutdown that was asked for may still happen, so a machine that is on is not trusted at once.
      const memo = Restoring.safeParse(context.memo).data ?? {
        restoringSince: context.now(),
        asked: null,
      };
      const { power } = await context.ports.bmc.readState(
        bmcOf(context.resource),
        reading(context),
      );
      if (memo.asked === null && power === "on")
        return elapsedMs(context, memo.restoringSince) >= lateShutdownMs
          ? tellPower(context, "on")
          : wait("making sure that a shutdown asked for before does not still happen", { memo });
      const on = await bringOn(context, memo.asked, (asked) => ({ ...memo, asked }));
      return isWait(on) ? on : tellPower(context, "on");
    },
  })
  .pivot("erasing destroys what is on the disks")
  .step("erase", {
    expected: "3m",
    // Overwriting a large disk takes a day.
    within: "36h",
    poll: { min: "5s", max: "60s" },
    output: z.object({ drives: z.array(ErasedDrive) }),
    run: async (context) => {
      const { input, fact } = context;
      if (input.skipErase) {
        const reason = input.reason ?? "no reason was given";
        fact({ type: "server.erase_skipped", data: { reason } });
        return skip(`the request said not to erase: ${reason}`, { drives: [] });
      }
      const host = hostOf(context.resource);
      if (host !== null) return eraseHost(context, host);
      const result = await eraseAll(context);
      if (isWait(result)) return result;
      if (result.drives.length === 0) {
        fact({ type: "server.erase_skipped", data: { reason: diskless } });
        return skip(diskless, result);
      }
      const [method = null, ...others] = new Set(result.drives.map((drive) => drive.method));
      fact({
        type: "server.erased",
        data: { method: others.length === 0 ? method : null, drives: result.drives },
      });
      return result;
    },
  })
  .step("unenroll", {
    skipWhen: unlessMetal3("this server is not managed by Metal3"),
    expected: "20s",
    within: "3h",
    poll: { min: "2s", max: "30s" },
    run: async (context) => (await unenroll(context, theHostOf(context.resource))) ?? undefined,
  })
  .step("forget-credentials", {
    expected: "2s",
    run: async ({ ports, resource }) => {
      try {
        await ports.bmc.disconnect(bmcOf(resource));
      } catch (thrown) {
        // The session of a BMC that does not answer ends by itself; the credentials must not outlive it.
        if (!(thrown instanceof Failure)) throw thrown;
      }
      await ports.secrets.forget(resource.credentials);
      const { userData = null, networkData = null } = resource.installed ?? {};
      for (const secret of [userData, networkData])
        if (secret !== null) await ports.secrets.release(secret, resource.id);
    },
  })
  .step("record", {
    expected: "1s",
    output: z.object({ erased: z.boolean() }),
    run: async ({ resource, fact }) => {
      const erased = resource.erase?.state === "erased";
      fact({ type: "server.decommissioned", data: { erased } });
      return { erased };
    },
  })
  .result(({ input, prior }) => ({
    serverId: input.serverId,
    erased: prior.record.erased,
    reason: input.reason,
    drives: prior.erase.drives,
  }));

/**
 * Metal3 cleans when it takes an image back, and only then. Of what nobody wrote through it, it knows nothing and touches nothing; and that it
 * took one back at another time says neither that it cleaned then nor what was written since.
 */
const willBeClean = ({ cleaning, image }: HostState): boolean =>
  cleaning !== "disabled" && (image.wanted !== null || image.written !== null);

/** A host that a machine of a cluster uses is in use, whatever the record says. One that Metal3 would not clean is refused like a BMC without an erase. */
async function checkHost(
  context: EraseContext,
  host: HostRef,
): Promise<{ readonly power: PowerState } | Wait> {
  const { seen, wait: away } = await lookUnlessAway(context, () =>
    context.ports.hosts.read(host, reading(context)),
  );
  if (away !== undefined) return away;
  // One that somebody has deleted already is no reason to keep the record for ever, nor is one that nobody can ask about.
  const state = seen ?? null;
  if (state !== null && state.consumer !== null)
    throw new Failure(
      "CONFLICT",
      `server ${context.resource.id} is in use: its host has been taken by ${state.consumer}`,
      { details: { consumer: state.consumer } },
    );
  if (state !== null && !context.input.skipErase && !willBeClean(state))
    throw new Failure(
      "BMC_UNSUPPORTED",
      `server ${context.resource.id}: Metal3 would erase nothing, because ${state.cleaning === "disabled" ? "its cleaning is switched off for the host" : "it has written no image that it would clean away"}; erase or destroy the disks by hand, and ask for decommission again with skipErase and a reason`,
      { details: { reason: "no-erase" } },
    );
  return { power: state?.power ?? "unknown" };
}

type EraseContext = ServerContext & { readonly input: ServerDecommissionInput };

/** Cleaning by Metal3 in the place of an erase: what it did is told, and when it did nothing, why. */
async function eraseHost(
  context: EraseContext,
  host: HostRef,
): Promise<Wait | Skip<{ drives: Erased[] }> | { drives: Erased[] }> {
  const { fact, ports } = context;
  const seen = await ports.hosts.read(host, reading(context));
  const result = seen === null ? { cleaned: null } : await cleanHost(context, host, seen);
  if ("kind" in result) return result;
  if (result.cleaned === null) {
    fact({ type: "server.erase_skipped", data: { reason: notCleaned } });
    return skip(notCleaned, { drives: [] });
  }
  const { method, at } = result.cleaned;
  const proof = `the host is available again; Metal3 ended its cleaning at ${at}`;
  const drives = (context.resource.inventory?.drives ?? []).map(({ id, serial }) => ({
    serial,
    driveId: id,
    method,
    proof,
  }));
  fact({ type: "server.erased", data: { method, drives } });
  return { drives };
}

const notCleaned =
  "Metal3 cleaned nothing now: it had written no image, its cleaning is or was switched off, or its host was gone";

/** Nothing was erased, so the record must not say that something was. */
const diskless =
  "the machine shows no drive, and its last inspection found none: there was nothing to erase";

/** The server must not be shown on for ever after because it was when it was last looked at. */
function tellPower({ resource, fact }: ServerContext, power: "on" | "off"): void {
  if (resource.power !== power) fact({ type: "server.power_changed", data: { power } });
}

const isUnreachable = (thrown: unknown): boolean =>
  thrown instanceof Failure && thrown.code === "BMC_CONNECTION_FAILED";

const Unreachable = z.object({ unreachableSince: z.number() });
const Restoring = z.object({
  restoringSince: z.number(),
  asked: Asked.nullable(),
});

/** In declared time: how long a BMC may be silent before the machine is left on. */
const unreachableMs = 150_000;
/** In declared time: after this long no operating system follows a request to shut down any more. */
const lateShutdownMs = 120_000;
