import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { RunId } from "#contract/ids.ts";
import type { ServerLifecycleInput } from "#contract/server-inputs.ts";
import type { LifecycleAction, ServerFact } from "#contract/server.ts";
import type { ServerState } from "#domain/server/state.ts";
import { type Skip, type Wait, skip, wait } from "#engine/kit.ts";
import { awaitBmc } from "./await-bmc.ts";
import { clearHost, hostOf, lookAtHost } from "./host.ts";
import { type ServerContext, bmcOf, reading, writing } from "./kit.ts";
import { ejectAll } from "./media.ts";
import { cleaningMethod } from "./erase-host.ts";
import { Asked, askedIn, bringOff, bringOn, cyclePower, isWait } from "./power.ts";

/** What each lifecycle action does to the world, how its end is seen, and what is recorded of it. */

/** What `apply` leaves for `await-state`. */
export const Applied = z.object({
  /** When the machine was asked for its new power state. */
  asked: Asked.nullable(),
  /** When the BMC was told to restart. */
  resetAt: z.number().nullable(),
  /** The run that reprovisions. */
  child: RunId.nullable(),
  /** How Metal3 cleaned a host that was deprovisioned; null where nobody did. */
  cleaned: z.string().nullable().default(null),
});
export type Applied = z.infer<typeof Applied>;

export const unasked: Applied = { asked: null, resetAt: null, child: null, cleaned: null };

export type ActionContext = ServerContext & { readonly input: ServerLifecycleInput };

/** Actions for which the machine is read first. A BMC that is to be reset may be past answering. */
export const readsMachine = {
  "power-on": true,
  "power-off": true,
  reboot: true,
  "power-cycle": true,
  "reset-bmc": false,
  "identify-led-on": true,
  "identify-led-off": true,
  "enter-maintenance": false,
  "exit-maintenance": false,
  reprovision: false,
  deprovision: false,
} as const satisfies Record<LifecycleAction, boolean>;

const offBy = ({ input }: ActionContext) => ({ graceMs: input.gracePeriodMs, force: input.force });

const recordOnly = "maintenance changes Millwright's record only";

export async function apply(context: ActionContext): Promise<Applied | Wait | Skip<Applied>> {
  const { input, ports, resource, now } = context;
  const bmc = bmcOf(resource);
  switch (input.action) {
    case "power-on":
      return { ...unasked, asked: askedBy(await bringOn(context, null)) };
    case "power-off":
      return { ...unasked, asked: askedBy(await bringOff(context, offBy(context), null)) };
    case "reboot":
      return cycled(await cyclePower(context, offBy(context)));
    case "power-cycle":
      return cycled(await cyclePower(context, { graceMs: 0, force: true }));
    case "reset-bmc":
      // After a crash here it may be restarted twice: a restarting BMC cannot be told from one about to.
      await ports.bmc.resetBmc(bmc, writing(context));
      return { ...unasked, resetAt: now() };
    case "identify-led-on":
    case "identify-led-off":
      await ports.bmc.setIndicator(bmc, input.action === "identify-led-on", writing(context));
      return unasked;
    case "enter-maintenance":
    case "exit-maintenance":
      return skip(recordOnly, unasked);
    case "reprovision":
      return reprovision(context);
    case "deprovision":
      return deprovision(context);
  }
}

/** The first look asks and leaves it to the next step to wait, so only when it asked is of interest. */
const askedBy = (result: Wait | object): Asked | null =>
  isWait(result) ? askedIn(result.memo) : null;

const cycled = (result: Wait | object): Applied | Wait => (isWait(result) ? result : unasked);

async function reprovision({ input, child }: ActionContext): Promise<Applied | Wait> {
  const state = await child.state();
  if (state === null || state.status === "pending" || state.status === "running") {
    const run =
      state?.run ??
      (await child.start("server.provision", {
        serverId: input.serverId,
        ...input.reprovision,
        onFailure: "undo",
      }));
    return wait(`the installation is under way (run ${run})`, { wakesOn: `run ${run}` });
  }
  if (state.status === "completed") return { ...unasked, child: state.run };
  throw new Failure(
    "CHILD_RUN_FAILED",
    `run ${state.run}, which was to install server ${input.serverId} again, ${state.status === "failed" ? "failed" : "was cancelled"}${state.error === null ? "" : `: ${state.error.message}`}`,
    { details: { run: state.run, ...(state.error !== null && { code: state.error.code }) } },
  );
}

async function deprovision(context: ActionContext): Promise<Applied | Wait> {
  const { ports, resource } = context;
  const host = hostOf(resource);
  if (host !== null) {
    const cleaning = await clearHost(context, host);
    if (cleaning !== null) return cleaning;
    const { cleaning: mode } = await lookAtHost(context, host);
    return { ...unasked, cleaned: cleaningMethod(mode) };
  }
  const off = await bringOff(context, { graceMs: 0, force: true }, askedIn(context.memo));
  if (isWait(off)) return off;
  const ejecting = await ejectAll(context, leftBy(context));
  if (ejecting !== null) return ejecting;
  await ports.bmc.clearBootOverride(bmcOf(resource), writing(context));
  return unasked;
}

/** Every URL that an installation of this server may have left in a slot. */
function leftBy({ ports, resource }: ActionContext): string[] {
  const { installed, reservations } = resource;
  const installer = installed?.run ?? null;
  const runs = [
    ...reservations,
    ...(installed === null || installer === null
      ? []
      : [{ run: installer, image: installed.image }]),
  ];
  const urls = runs.flatMap(({ run, image }) => [image.url, ports.configDrive.url(run)]);
  return [...new Set(urls)];
}

/** Null once the machine or its BMC can be seen to be as asked; else what to wait for. */
export async function awaitState(
  context: ActionContext,
  applied: Applied,
): Promise<Wait | Skip<void> | null> {
  const { input, ports, resource } = context;
  const asked = askedIn(context.memo) ?? applied.asked;
  const waitOf = (result: Wait | object): Wait | null => (isWait(result) ? result : null);
  switch (input.action) {
    case "power-on":
    case "reboot":
    case "power-cycle":
      return waitOf(await bringOn(context, asked));
    case "power-off":
      return waitOf(await bringOff(context, offBy(context), asked));
    case "reset-bmc":
      return awaitBmc(context, applied.resetAt ?? context.now());
    case "identify-led-on":
    case "identify-led-off": {
      const wanted = input.action === "identify-led-on" ? "on" : "off";
      const { indicator } = await ports.bmc.readState(bmcOf(resource), reading(context));
      // Where the light cannot be read, that the BMC took the request is all there is to know.
      return indicator === wanted || indicator === "unknown"
        ? null
        : wait(`waiting for the identify light to be ${wanted}`);
    }
    case "enter-maintenance":
    case "exit-maintenance":
      return skip(recordOnly);
    case "reprovision":
    case "deprovision":
      return skip("the step before has seen it through");
  }
}

/** What the action makes true of the server. */
export function factsOf(
  input: ServerLifecycleInput,
  server: ServerState,
  prior: { readonly validate: { readonly already: boolean }; readonly apply: Applied },
): readonly ServerFact[] {
  const power = (is: "on" | "off"): readonly ServerFact[] =>
    server.power === is ? [] : [{ type: "server.power_changed", data: { power: is } }];
  switch (input.action) {
    case "power-on":
    case "reboot":
    case "power-cycle":
      return power("on");
    case "power-off":
      return power("off");
    case "reset-bmc":
      return [{ type: "server.bmc_reset", data: {} }];
    case "identify-led-on":
    case "identify-led-off":
      return [{ type: "server.indicator_set", data: { on: input.action === "identify-led-on" } }];
    case "enter-maintenance":
      return prior.validate.already
        ? []
        : [{ type: "server.maintenance_entered", data: { reason: input.reason } }];
    case "exit-maintenance":
      return [{ type: "server.maintenance_exited", data: {} }];
    case "reprovision":
      return [];
    case "deprovision":
      return [
        // Metal3 leaves a cleaned host as its own wish for it says.
        ...(server.host === null ? power("off") : []),
        { type: "server.deprovisioned", data: { erased: false, method: prior.apply.cleaned } },
      ];
  }
}
