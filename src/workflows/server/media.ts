import type { MediaKind } from "#drivers/ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { type ServerContext, bmcOf, reading, writing } from "./kit.ts";

/** Virtual media, one look at a time: asking is repeated safely, and only what can be read counts as in or out. */

export interface Medium {
  readonly url: string;
  readonly kind: MediaKind;
}

/** Null once all of them can be read as inserted; else what to wait for. */
export async function insertAll(
  context: ServerContext,
  media: readonly Medium[],
): Promise<Wait | null> {
  const { ports, resource } = context;
  const bmc = bmcOf(resource);
  for (const medium of media) await ports.bmc.insertMedia(bmc, medium, writing(context));
  const urls = media.map(({ url }) => url);
  const slots = await ports.bmc.readMedia(bmc, urls, reading(context));
  const missing = media.filter(
    ({ url }) => !slots.some((slot) => slot.inserted && slot.holds === url),
  );
  return missing.length === 0
    ? null
    : wait(
        `waiting for the BMC to insert the ${missing.map(({ kind }) => nameOf(kind)).join(" and the ")}`,
      );
}

const nameOf = (kind: MediaKind): string =>
  kind === "cd" ? "installation medium" : "config drive";

/** Null once none of these URLs can be read in any slot; else what to wait for. Whatever else is inserted stays. */
export async function ejectAll(
  context: ServerContext,
  urls: readonly string[],
): Promise<Wait | null> {
  const { ports, resource } = context;
  const bmc = bmcOf(resource);
  for (const url of urls) await ports.bmc.ejectMedia(bmc, url, writing(context));
  const slots = await ports.bmc.readMedia(bmc, urls, reading(context));
  const isLeft = slots.some((slot) => slot.holds !== null);
  return isLeft ? wait("waiting for the BMC to eject the media") : null;
}
