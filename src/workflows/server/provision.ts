import { z } from "zod";
import { RunId } from "#contract/ids.ts";
import { ServerProvisionInput } from "#contract/server-inputs.ts";
import { Completion } from "#contract/server.ts";
import { nothing, skip } from "#engine/kit.ts";
import { Watch, awaitInstall } from "./await-install.ts";
import { verifyChecksum } from "./image-checksum.ts";
import { planInstallation } from "./installation-plan.ts";
import { hostOf, ifMetal3, lookAtHost, unlessMetal3 } from "./host.ts";
import { type ServerContext, bmcOf, reading, workflow, writing } from "./kit.ts";
import { type Medium, ejectAll, insertAll } from "./media.ts";
import { cyclePower, isWait } from "./power.ts";
import { applyImage, awaitImage, stageConfig, unstageConfig } from "./provision-host.ts";
import { leaveInstaller, verifyInstalled } from "./verify-install.ts";

/**
 * What a step has put in: an image, and the config drive of a run. The drive's URL opens it to whoever knows it, so it is
 * made from the run's id when it is needed, and journalled nowhere. `urls` is what was journalled before that was so.
 */
const Inserted = z.union([
  z.object({ image: z.string(), driveOf: RunId }),
  z.object({ urls: z.array(z.string()) }),
]);
type Inserted = z.infer<typeof Inserted>;

const notMetal3 = unlessMetal3("this server is installed through its BMC");
const onlyMetal3 = ifMetal3("Metal3 installs this server");

/**
 * server.provision: installs an operating system from an image, through the BMC's virtual media or by Metal3.
 *
 *   validate ▶ reserve ▶ insert-media ▶ set-boot-once ═ power-cycle ▶ await-install ▶ eject-media ▶ verify ▶ record
 *   validate ▶ reserve ▶ stage-config ═ apply-image ▶ await-provisioned ▶ verify ▶ record                        (Metal3)
 *
 * The steps of the way that is not gone are skipped, and say so.
 *
 * Until the pivot nothing of the machine has changed but what its BMC holds in slots and for the next boot; a
 * failure takes both back, and the machine has not noticed. From the power cycle on the disk is overwritten,
 * and the only way is forward.
 *
 * How the end of the installation is known (`completion`):
 *
 *   callback        the installer posts to the address on its config drive, which is therefore needed
 *   boot-progress   the machine restarts and the installed system is seen to run (see the domain's
 *                   `installation.ts`); the default where the machine reports BootProgress. An installer
 *                   that also calls back spares us from having seen the restart. One that restarts more than
 *                   once should use the callback
 *   power-off       the installer switches the machine off; the default elsewhere
 *
 * The config drive goes in wherever there is a second slot for it, and tells the installer which of these is
 * awaited and where to call back; an image can also be built to know.
 *
 * A live image runs from its medium: `boot-progress` means that it runs, and the media stay in.
 */
export const serverProvision = workflow("server.provision", {
  version: 1,
  summary: "Installs an operating system on a server from an image.",
  input: ServerProvisionInput,
  resource: ({ input }) => ({ type: "server", id: input.serverId }),
  onFailure: ({ input }) => input.onFailure,
  secrets: ({ input }) => [
    { name: "user data", id: input.userData },
    { name: "network data", id: input.networkData },
  ],
})
  .step("validate", {
    expected: "3s",
    // An image with a checksum is read to its end: some gigabytes, from far away.
    within: "30m",
    output: z.object({
      /** Null where Metal3 itself says when the image is written. */
      completion: Completion.nullable(),
      configDrive: z.boolean(),
      reportsProgress: z.boolean(),
      imageBytes: z.number().nullable(),
    }),
    undo: nothing("looking changes nothing"),
    run: async (context) => {
      const { input, ports, resource } = context;
      const bmc = bmcOf(resource);
      const { sizeBytes } = await ports.images.probe(input.image.url, reading(context));
      const host = hostOf(resource);
      if (host !== null) {
        await lookAtHost(context, host);
        await verifyChecksum(context, input.image);
        return {
          completion: null,
          configDrive: false,
          reportsProgress: false,
          imageBytes: sizeBytes,
        };
      }
      const state = await ports.bmc.readState(bmc, reading(context));
      const slots = await ports.bmc.readMedia(bmc, [], reading(context));
      const plan = planInstallation(input, { server: resource, state, slots });
      // Last, because it takes longest: what can be refused at once is refused at once.
      await verifyChecksum(context, input.image);
      return { ...plan, imageBytes: sizeBytes };
    },
  })
  .step("reserve", {
    expected: "1s",
    output: z.object({ run: RunId }),
    run: async ({ input, run, fact }) => {
      fact({ type: "server.reserved", data: { run: run.id, image: input.image } });
      return { run: run.id };
    },
    undo: async ({ output, run, fact }) =>
      fact({ type: "server.reservation_released", data: { run: output?.run ?? run.id } }),
  })
  .step("stage-config", {
    skipWhen: notMetal3,
    expected: "1s",
    output: z.object({ run: RunId, userData: z.boolean(), networkData: z.boolean() }).nullable(),
    run: stageConfig,
    undo: unstageConfig,
  })
  .step("insert-media", {
    skipWhen: onlyMetal3,
    expected: "10s",
    poll: { min: "2s", max: "10s" },
    output: Inserted.nullable(),
    run: async (context) => {
      const media = mediaFor(context, context.prior.validate.configDrive);
      return (await insertAll(context, media)) ?? insertedBy(context);
    },
    undo: async (context) => {
      const urls = urlsFor(context, [context.output]);
      return (await ejectAll(context, urls)) ?? undefined;
    },
  })
  .step("set-boot-once", {
    skipWhen: onlyMetal3,
    expected: "3s",
    output: Inserted.nullable(),
    run: async (context) => {
      // A retry that starts here has the earlier run's media in; this run's config drive has to replace them.
      const media = mediaFor(context, context.prior.validate.configDrive);
      const waiting = await insertAll(context, media);
      if (waiting !== null) return waiting;
      await context.ports.bmc.setBootOnceCd(bmcOf(context.resource), writing(context));
      return insertedBy(context);
    },
    undo: async (context) => {
      await context.ports.bmc.clearBootOverride(bmcOf(context.resource), writing(context));
    },
  })
  .pivot("from here on the installer, or Metal3, overwrites the disk")
  .step("power-cycle", {
    skipWhen: onlyMetal3,
    expected: "20s",
    within: "15m",
    poll: { min: "2s", max: "10s" },
    output: z
      .object({
        offAt: z.number(),
        onAt: z.number(),
        resetBefore: z.string().nullable(),
      })
      .nullable(),
    run: async (context) => {
      const { ports, resource, now } = context;
      // What runs now is about to be overwritten: it is asked to shut down, but not waited for long.
      const cycled = await cyclePower(context, { graceMs: 30_000, force: true }, async () => {
        // A machine that restarted by itself meanwhile has used its override up.
        await ports.bmc.setBootOnceCd(bmcOf(resource), writing(context));
      });
      if (isWait(cycled)) return cycled;
      const { offAt, resetBefore } = cycled;
      return { offAt, onAt: now(), resetBefore };
    },
  })
  .step("await-install", {
    skipWhen: onlyMetal3,
    expected: "9m",
    within: "40m",
    poll: { min: "5s", max: "20s" },
    output: z.object({ evidence: Completion, watch: Watch }).nullable(),
    run: async (context) => {
      const completion = told(context.prior.validate.completion);
      const cycle = told(context.prior["power-cycle"]);
      const live = context.input.image.format === "live-iso";
      return awaitInstall(context, { completion, live, ...cycle });
    },
  })
  .step("eject-media", {
    skipWhen: onlyMetal3,
    expected: "10s",
    within: "15m",
    poll: { min: "2s", max: "10s" },
    run: async (context) => {
      const { input, prior } = context;
      const end = told(prior["await-install"]);
      const cycle = told(prior["power-cycle"]);
      if (input.image.format === "live-iso")
        return skip("the server runs from its medium, which stays in");
      const hasLeft = Left.safeParse(context.memo).success;
      const leaving = hasLeft ? null : await leaveInstaller(context, { ...end, ...cycle });
      if (leaving !== null) return leaving;
      const ejecting = await ejectAll(context, urlsFor(context, insertedBefore(prior)));
      return ejecting === null ? undefined : { ...ejecting, memo: { left: true } };
    },
  })
  .step("apply-image", {
    skipWhen: notMetal3,
    expected: "2s",
    // What was on it is cleaned away first.
    within: "2h",
    poll: { min: "2s", max: "15s" },
    run: applyImage,
  })
  .step("await-provisioned", {
    skipWhen: notMetal3,
    expected: "6m",
    within: "90m",
    poll: { min: "5s", max: "20s" },
    run: awaitImage,
  })
  .step("verify", {
    expected: "15s",
    within: "30m",
    poll: { min: "2s", max: "10s" },
    run: async (context) => {
      const { input, prior } = context;
      const waiting = await verifyInstalled(context, {
        live: input.image.format === "live-iso",
        urls: urlsFor(context, insertedBefore(prior)),
        reportsProgress: prior.validate.reportsProgress,
      });
      return waiting ?? undefined;
    },
  })
  .step("record", {
    expected: "1s",
    run: async ({ input, resource, ports, fact }) => {
      const { image, completion, userData, networkData } = input;
      // The server keeps what `reprovision` needs, and lets go of what only the installation before needed.
      const kept = [userData, networkData].filter((secret) => secret !== null);
      for (const secret of kept) await ports.secrets.adopt(secret, resource.id);
      const old = [resource.installed?.userData ?? null, resource.installed?.networkData ?? null];
      for (const secret of old)
        if (secret !== null && !kept.includes(secret))
          await ports.secrets.release(secret, resource.id);
      fact({ type: "server.provisioned", data: { image, completion, userData, networkData } });
      if (resource.power !== "on") fact({ type: "server.power_changed", data: { power: "on" } });
    },
  })
  .result(({ input, prior }) => ({
    serverId: input.serverId,
    image: input.image,
    completion: prior.validate.completion,
    evidence: prior["await-install"]?.evidence ?? null,
  }));

const Left = z.object({ left: z.literal(true) });

/** What a step of the same way has told: all steps of a way are skipped, or none. */
function told<Output>(output: Output | null): Output {
  if (output === null) throw new TypeError("a step builds on one that was skipped");
  return output;
}

type ProvisionContext = ServerContext & { readonly input: ServerProvisionInput };

function mediaFor({ input, ports, run }: ProvisionContext, configDrive: boolean): Medium[] {
  const image = { url: input.image.url, kind: "cd" } as const;
  const drive = { url: ports.configDrive.url(run.id), kind: "config-drive" } as const;
  return configDrive ? [image, drive] : [image];
}

const insertedBy = ({ input, run }: ProvisionContext): Inserted => ({
  image: input.image.url,
  driveOf: run.id,
});

/** What the steps of this run, and of those that it goes on from, have put in. */
const insertedBefore = (prior: {
  readonly "insert-media": Inserted | null;
  readonly "set-boot-once": Inserted | null;
}): readonly (Inserted | null)[] => [prior["insert-media"], prior["set-boot-once"]];

/**
 * Every URL that may be in a slot because of this run: its own, and, after a retry from a later step, those that
 * the runs before it put in.
 */
function urlsFor(
  context: ProvisionContext,
  inserted: readonly (Inserted | null | undefined)[],
): string[] {
  const { configDrive } = context.ports;
  const own = mediaFor(context, true).map(({ url }) => url);
  const earlier = inserted.flatMap((by) =>
    by === null || by === undefined
      ? []
      : "urls" in by
        ? by.urls
        : [by.image, configDrive.url(by.driveOf)],
  );
  return [...new Set([...own, ...earlier])];
}
