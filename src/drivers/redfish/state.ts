import type { SystemState } from "#drivers/ports.ts";
import { readBoot } from "./boot.ts";
import { indicatorOf } from "./indicator.ts";
import { readHost } from "./machine.ts";
import { powerOf } from "./power.ts";
import type { Conversation } from "./wire/conversation.ts";

/** See `BmcPort.readState`: one call, two where boot settings have a resource of their own. */
export const readState = async (talk: Conversation): Promise<SystemState> => {
  const { vendor } = await talk.root();
  const host = await readHost(talk);
  const { power, changing } = powerOf(host.system);
  return {
    power,
    changing,
    bootProgress: host.system.at("BootProgress").text("LastState"),
    lastResetAt: host.system.text("LastResetTime"),
    boot: await readBoot(talk, host),
    indicator: indicatorOf(host.system, vendor),
  };
};
