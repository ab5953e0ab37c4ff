import type { ServerProvisionInput } from "#contract/server-inputs.ts";
import type { StagedConfig } from "#drivers/host-ports.ts";
import { skip } from "#engine/kit.ts";
import { writing } from "#workflows/kubernetes.ts";
import { awaitProvisioned, theHostOf, wishImage } from "./host.ts";
import type { ServerContext } from "./kit.ts";
import { isWait } from "./power.ts";

/** The part of an installation that Metal3 carries out: it writes the image itself, so nobody boots an installer. */

type ProvisionContext = ServerContext & { readonly input: ServerProvisionInput };

export async function stageConfig(context: ProvisionContext) {
  const host = theHostOf(context.resource);
  const { userData, networkData } = context.input;
  if (userData === null && networkData === null)
    return skip("there is no configuration to stage", null);
  await context.ports.hosts.stageConfig(host, { userData, networkData }, writing(context));
  return {
    run: context.run.id,
    userData: userData !== null,
    networkData: networkData !== null,
  };
}

export async function unstageConfig(context: ProvisionContext): Promise<void> {
  await context.ports.hosts.unstageConfig(theHostOf(context.resource), writing(context));
}

export async function applyImage(
  context: ProvisionContext & { readonly prior: { readonly "stage-config": StagedConfig | null } },
) {
  const host = theHostOf(context.resource);
  const { input, prior } = context;
  const wanted = { image: input.image, config: prior["stage-config"] };
  return (await wishImage(context, host, wanted)) ?? undefined;
}

export async function awaitImage(context: ProvisionContext) {
  const host = theHostOf(context.resource);
  const state = await awaitProvisioned(context, host);
  return isWait(state) ? state : undefined;
}
