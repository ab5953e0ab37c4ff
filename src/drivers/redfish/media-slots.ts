import { keyOf } from "./address.ts";
import { actionOf } from "./action.ts";
import { readMembers } from "./collection.ts";
import type { Facts } from "./facts.ts";
import { type Host, readHost, readManagers } from "./machine.ts";
import { header, type Reply } from "./reply.ts";
import type { Conversation } from "./wire/conversation.ts";

/** A slot that can take an image, and how. */
export interface Slot {
  readonly path: string;
  readonly types: readonly string[];
  readonly image: string | null;
  readonly inserted: boolean;
  readonly facts: Facts;
  /** Targets of the actions; null where the resource itself is patched instead (Lenovo XCC). */
  readonly insert: string | null;
  readonly eject: string | null;
}

/**
 * Reads one slot. An image that is still named after an eject counts as gone when nothing is connected
 * (Supermicro); `""` is no image (HPE); `Inserted` may be left out.
 */
export const slotOf = (path: string, facts: Facts): Slot => {
  const named = facts.text("Image");
  const flag = facts.flag("Inserted");
  const stale = flag !== true && facts.text("ConnectedVia") === "NotConnected";
  const image = stale ? null : named;
  return {
    path,
    types: facts.texts("MediaTypes"),
    image,
    inserted: flag ?? image !== null,
    facts,
    insert: actionOf(facts, "#VirtualMedia.InsertMedia")?.target ?? null,
    eject: actionOf(facts, "#VirtualMedia.EjectMedia")?.target ?? null,
  };
};

/**
 * A slot without InsertMedia can be used only by patching it: the Allow header says so, and on Lenovo, whose
 * slots never have the action, its absence does.
 */
const isUsable = (slot: Slot, reply: Reply | null, vendor: string | null): boolean => {
  if (slot.insert !== null) return true;
  const allow = reply === null ? null : header(reply, "allow");
  return allow === null ? vendor === "lenovo" : /\bPATCH\b/i.test(allow);
};

const readUsable = async (talk: Conversation, link: string | null): Promise<Slot[]> => {
  const { vendor } = await talk.root();
  const { members } = await readMembers(talk, link, { cap: 32 });
  return members.flatMap(({ path, look }) => {
    if (look.kind === "missing") return [];
    const slot = slotOf(path, look.facts);
    return isUsable(slot, look.reply, vendor) ? [slot] : [];
  });
};

/**
 * The usable slots: those of the system, and only where it has none those of its managers. Where both exist
 * they are two views of the same slots (Lenovo, Dell), and an image must not be put in twice.
 */
export const readSlots = async (talk: Conversation, known?: Host): Promise<readonly Slot[]> => {
  const host = known ?? (await readHost(talk));
  const own = host.system.link("VirtualMedia");
  const found = await readUsable(talk, own);
  if (found.length > 0) return found;
  const slots: Slot[] = [];
  const read = new Set([own === null ? "" : keyOf(own)]);
  for (const { facts } of await readManagers(talk, host)) {
    const link = facts.link("VirtualMedia");
    if (link === null || read.has(keyOf(link))) continue;
    read.add(keyOf(link));
    slots.push(...(await readUsable(talk, link)));
  }
  return slots;
};

/** One slot again; a slot that vanished or cannot be read is thrown. */
export const readSlot = async (talk: Conversation, path: string): Promise<Slot> =>
  slotOf(path, await talk.get(path));

/** Two ways to write one URL: BMCs change the case of the host and the encoding of the path. */
export const isSameImage = (a: string | null, b: string): boolean => {
  if (a === null) return false;
  if (a === b) return true;
  return URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href;
};
