import type { ServerProvisionInput } from "#contract/server-inputs.ts";
import { skip } from "#engine/kit.ts";
import { awaitProvisioned, hostOf, wishImage, writingHost } from "./host.ts";
import type { ServerContext } from "./kit.ts";
import { isWait } from "./power.ts";

/** The part of an installation that Metal3 carries out: it writes the image itself, so nobody boots an installer. */

type ProvisionContext = ServerContext & { readonly input: ServerProvisionInput };

/** Why a step of the other way of installing has nothing to do. */
export const notMetal3 = "this server is installed through its BMC";
export const onlyMetal3 = "Metal3 installs this server";

export async function stageConfig(context: ProvisionContext) {
  const host = hostOf(context.resource);
  if (host === null) return skip(notMetal3);
  const { userData, networkData } = context.input;
  if (userData === null && networkData === null) return skip("there is no configuration to stage");
  await context.ports.hosts.stageConfig(host, { userData, networkData }, writingHost(context));
  return undefined;
}

export async function unstageConfig(context: ProvisionContext): Promise<void> {
  const host = hostOf(context.resource);
  if (host !== null) await context.ports.hosts.unstageConfig(host, writingHost(context));
}

export async function applyImage(context: ProvisionContext) {
  const host = hostOf(context.resource);
  if (host === null) return skip(notMetal3);
  return (await wishImage(context, host, context.input.image)) ?? undefined;
}

export async function awaitImage(context: ProvisionContext) {
  const host = hostOf(context.resource);
  if (host === null) return skip(notMetal3);
  const state = await awaitProvisioned(context, host);
  return isWait(state) ? state : undefined;
}
