import type { z } from "zod";
import type { Health, Inventory } from "#contract/inventory.ts";
import { keyOf } from "#drivers/redfish/address.ts";
import { type ListingOptions, type Member, readMembers } from "#drivers/redfish/collection.ts";
import type { Facts } from "#drivers/redfish/facts.ts";
import type { Conversation, Look } from "#drivers/redfish/wire/conversation.ts";

type NotSeen = Inventory["notSeen"][number];

/** A resource that was read, with the path under which it was found. */
export interface Part {
  readonly path: string;
  readonly facts: Facts;
}

/**
 * One walk through a machine: reads each resource once, and notes what could not be read and why, so that
 * "not seen" is never mistaken for "not there".
 */
export class Survey {
  readonly talk: Conversation;
  readonly #looks = new Map<string, Promise<Look>>();
  readonly #notSeen: NotSeen[] = [];

  constructor(talk: Conversation) {
    this.talk = talk;
  }

  get notSeen(): readonly NotSeen[] {
    return this.#notSeen;
  }

  miss(part: string, reason: string): void {
    const known = this.#notSeen.some((item) => item.part === part && item.reason === reason);
    if (!known && this.#notSeen.length < 200) this.#notSeen.push({ part, reason });
  }

  look(link: string | null): Promise<Look> {
    if (link === null) return this.talk.look(null);
    const key = keyOf(link);
    const known = this.#looks.get(key);
    if (known !== undefined) return known;
    const look = this.talk.look(link);
    this.#looks.set(key, look);
    return look;
  }

  /** A resource of `part`, noted as not seen when it is offered and cannot be read. */
  async read(part: string, link: string | null): Promise<Facts | null> {
    if (link === null) return null;
    const look = await this.look(link);
    if (look.kind === "found") return look.facts;
    this.miss(part, `${link}: ${look.reason}`);
    return null;
  }

  /** The readable members of a collection of `part`; the others are noted. */
  async members(part: string, link: string | null, options: ListingOptions = {}): Promise<Part[]> {
    if (link === null) return [];
    const { members, missing } = await readMembers(this.talk, link, options);
    if (missing !== null) this.miss(part, `${link}: ${missing}`);
    return this.#found(part, members);
  }

  /** The readable ones of a list of links. */
  async follow(part: string, links: readonly string[]): Promise<Part[]> {
    const members: Member[] = [];
    for (const path of links) members.push({ path, look: await this.look(path) });
    return this.#found(part, members);
  }

  #found(part: string, members: readonly Member[]): Part[] {
    return members.flatMap(({ path, look }) => {
      if (look.kind === "found") return [{ path, facts: look.facts }];
      this.miss(part, `${path}: ${look.reason}`);
      return [];
    });
  }
}

type HealthValue = z.infer<typeof Health>;

const healths: Readonly<Record<string, HealthValue>> = {
  ok: "healthy",
  warning: "degraded",
  critical: "failed",
};

/** Redfish's OK, Warning, Critical as ours. */
export const healthFrom = (text: string | null): HealthValue =>
  healths[text?.toLowerCase() ?? ""] ?? "unknown";

/** A resource's own health: with its parts where the service rolls that up. */
export const healthOf = (facts: Facts): HealthValue => {
  const status = facts.at("Status");
  return healthFrom(status.text("Health") ?? status.text("HealthRollup"));
};

/** A socket, slot or bay with nothing in it. */
export const isAbsent = (facts: Facts): boolean => facts.at("Status").text("State") === "Absent";

/** Where a part sits, as the label beside it says. `Location` of old drives is a list that holds no label. */
export const slotLabel = (facts: Facts): string | null =>
  facts.at("PhysicalLocation").at("PartLocation").text("ServiceLabel") ??
  (Array.isArray(facts.raw["Location"])
    ? null
    : facts.at("Location").at("PartLocation").text("ServiceLabel"));

/** Parts that were never given a serial number say zeros, all of them the same. */
export const serialOf = (facts: Facts): string | null => {
  const serial = facts.text("SerialNumber");
  return serial === null || /^0+$/.test(serial) ? null : serial;
};

/** What every kind of part has in common. */
export const componentOf = ({ path, facts }: Part) => ({
  id: facts.text("Id") ?? facts.text("MemberId") ?? path,
  name: facts.text("Name"),
  manufacturer: facts.text("Manufacturer"),
  model: facts.text("Model"),
  serial: serialOf(facts),
  partNumber: facts.text("PartNumber"),
  health: healthOf(facts),
});

/**
 * Parts of different parents may share an Id (the drives of two controllers); those are told apart by their
 * paths. `items` and `paths` belong together by position.
 */
export const withUniqueIds = <T extends { readonly id: string }>(
  items: readonly T[],
  paths: readonly string[],
): T[] => {
  const counts = new Map<string, number>();
  for (const { id } of items) counts.set(id, (counts.get(id) ?? 0) + 1);
  return items.map((item, index) =>
    counts.get(item.id) === 1 ? item : { ...item, id: paths[index] ?? item.id },
  );
};

/** Keeps the first of the parts with one serial number; parts without one are told apart by their paths. */
export const bySerial = (parts: readonly Part[]): Part[] => {
  const kept = new Map<string, Part>();
  for (const part of parts) {
    const serial = serialOf(part.facts);
    const key = serial === null ? keyOf(part.path) : `serial ${serial.toLowerCase()}`;
    if (!kept.has(key)) kept.set(key, part);
  }
  return [...kept.values()];
};
