import { Failure } from "#contract/failures.ts";
import type { MediaKind, MediaSlot } from "#drivers/ports.ts";
import { actionOf, readRequired } from "./action.ts";
import { nextPayload, type Payload } from "./media-payload.ts";
import { isSameImage, readSlot, readSlots, type Slot } from "./media-slots.ts";
import { tryPatch } from "./patch.ts";
import type { Reply } from "./reply.ts";
import { watchShortly } from "./tasks.ts";
import type { Conversation } from "./wire/conversation.ts";

/**
 * A config drive's URL opens it to whoever knows it. The path is hidden by itself too: a BMC may repeat the URL with
 * another spelling of the host.
 */
const hideUrl = (talk: Conversation, url: string, instead: string): void => {
  talk.hide(url, instead);
  const path = URL.canParse(url) ? new URL(url).pathname : "/";
  if (path !== "/") talk.hide(path, instead);
};

/** See `BmcPort.readMedia`. */
export const readMedia = async (
  talk: Conversation,
  urls: readonly string[],
): Promise<readonly MediaSlot[]> => {
  for (const url of urls) hideUrl(talk, url, "a medium's URL");
  return (await readSlots(talk)).map(({ path, types, image, inserted }) => ({
    slot: path,
    types,
    image,
    inserted,
    holds: urls.find((url) => isSameImage(image, url)) ?? null,
  }));
};

const holds = (slot: Slot, url: string): boolean => slot.inserted && isSameImage(slot.image, url);

const takes = (slot: Slot, type: string): boolean => slot.types.includes(type);

/** CD slots in the order of use, those for a DVD when none says CD. */
const cdSlots = (slots: readonly Slot[]): readonly Slot[] => {
  const cds = slots.filter((slot) => takes(slot, "CD"));
  return cds.length > 0 ? cds : slots.filter((slot) => takes(slot, "DVD"));
};

/**
 * The slots to try for a kind. The first CD slot belongs to the installer; a config drive goes to another one,
 * as a CD if it can be, else as a stick, which a Linux finds by its label just as well.
 */
const slotsFor = (slots: readonly Slot[], kind: MediaKind): readonly Slot[] => {
  const [first, ...otherCds] = cdSlots(slots);
  if (kind === "cd") return first === undefined ? [] : [first, ...otherCds];
  const others = slots.filter((slot) => slot !== first && !otherCds.includes(slot));
  const sticks = others.filter((slot) => takes(slot, "USBStick"));
  return [...otherCds, ...sticks, ...others.filter((slot) => !sticks.includes(slot))];
};

const clearTries = 10;
const clearPauseMs = 3000;

const isEmpty = (slot: Slot): boolean => !slot.inserted && slot.image === null;

const sendEject = async (talk: Conversation, slot: Slot): Promise<Reply | null> =>
  slot.eject === null
    ? tryPatch(talk, slot.path, { Image: null, Inserted: false })
    : talk.tryWrite(
        { method: "POST", target: slot.eject, body: {} },
        { settled: async () => isEmpty(await readSlot(talk, slot.path)) },
      );

/**
 * Empties a slot for another image and waits until it shows so: Dell and Supermicro show the old one for a
 * while, and an insert that was skipped because of it boots nothing. Ejecting an empty slot is 400, 404 or 500
 * on some, so a refusal counts only while the slot is full.
 */
const clear = async (talk: Conversation, slot: Slot): Promise<void> => {
  const reply = await sendEject(talk, slot);
  for (let tries = 0; tries < clearTries; tries += 1) {
    if (isEmpty(await readSlot(talk, slot.path))) return;
    if (reply !== null && reply.status >= 400) throw talk.refuse(reply);
    await talk.sleep(clearPauseMs);
  }
  throw new Failure("BMC_BUSY", `${slot.path} still shows the image that was ejected`, {
    details: { path: slot.path, reason: "not-ejected" },
  });
};

/** Puts the image in; null when the slot takes none (405), so that the next one can be tried. */
const putIn = async (talk: Conversation, slot: Slot, url: string): Promise<Reply | "in" | null> => {
  const rules = {
    settled: async () => holds(await readSlot(talk, slot.path), url),
    repeatOnServerError: true,
  };
  if (slot.insert === null) {
    const reply = await tryPatch(
      talk,
      slot.path,
      { Image: url, Inserted: true, WriteProtected: true },
      rules,
    );
    return reply === null ? "in" : finish(talk, reply);
  }
  const action = actionOf(slot.facts, "#VirtualMedia.InsertMedia");
  const required = action === null ? [] : await readRequired(talk, action);
  const tried: Payload[] = [];
  let reply: Reply | null = null;
  for (;;) {
    const payload = nextPayload(url, required, tried, reply);
    if (payload === null) return finish(talk, reply);
    tried.push(payload);
    reply = await talk.tryWrite({ method: "POST", target: slot.insert, body: payload }, rules);
    if (reply === null) return "in";
    if (reply.status !== 400 || talk.refuse(reply).code !== "BMC_REJECTED") {
      return finish(talk, reply);
    }
  }
};

const finish = (talk: Conversation, reply: Reply | null): Reply | null => {
  if (reply === null || reply.status === 405 || reply.status === 501) return null;
  if (reply.status >= 400) throw talk.refuse(reply);
  return reply;
};

/** See `BmcPort.insertMedia`. */
export const insertMedia = async (
  talk: Conversation,
  { url, kind }: { readonly url: string; readonly kind: MediaKind },
): Promise<"already" | "asked"> => {
  if (kind === "config-drive") hideUrl(talk, url, "the config drive's URL");
  const slots = await readSlots(talk);
  if (slots.some((slot) => holds(slot, url))) return "already";
  const candidates = slotsFor(slots, kind);
  for (const slot of candidates) {
    if (!isEmpty(slot)) await clear(talk, slot);
    const reply = await putIn(talk, slot, url);
    if (reply === "in") return "already";
    if (reply === null) continue;
    const task = await watchShortly(talk, reply);
    if (task?.state === "failed") {
      throw talk.veil(
        new Failure("BMC_TASK_FAILED", `the BMC could not insert the image: ${task.message}`, {
          details: { path: slot.path },
        }),
      );
    }
    return "asked";
  }
  throw new Failure(
    "BMC_UNSUPPORTED",
    candidates.length === 0
      ? `the BMC has no virtual media slot for a ${kind}`
      : "no virtual media slot of the BMC takes an image",
    { details: { kind, slots: slots.map(({ path, types }) => ({ path, types })) } },
  );
};

/** See `BmcPort.ejectMedia`. */
export const ejectMedia = async (talk: Conversation, url: string): Promise<"already" | "asked"> => {
  hideUrl(talk, url, "the medium's URL");
  const holding = (await readSlots(talk)).filter((slot) => isSameImage(slot.image, url));
  for (const slot of holding) {
    const reply = await sendEject(talk, slot);
    if (reply === null || reply.status < 400) continue;
    if (!isEmpty(await readSlot(talk, slot.path))) throw talk.refuse(reply);
  }
  return holding.length === 0 ? "already" : "asked";
};
