import { powerOf } from "#drivers/redfish/power.ts";
import { Facts, type OnOddity } from "#drivers/redfish/facts.ts";
import { indicatorOf } from "#drivers/redfish/indicator.ts";
import { eraseOperationOf } from "#drivers/redfish/erase-running.ts";
import { hpeEraseStatus } from "#drivers/redfish/erase-system.ts";
import { componentOf, isAbsent, slotLabel } from "#drivers/redfish/inventory/survey.ts";
import { macOf } from "#drivers/redfish/inventory/network.ts";
import { slotOf } from "#drivers/redfish/media-slots.ts";
import { codesOf, messagesOf, sayAll } from "#drivers/redfish/messages.ts";
import type { Reply } from "#drivers/redfish/reply.ts";
import { refusal } from "#drivers/redfish/refusal.ts";
import { readRoot } from "#drivers/redfish/root.ts";
import { taskOf, taskReadingOf } from "#drivers/redfish/tasks.ts";

const lists = ["Members", "Drives", "Devices", "Temperatures", "Fans", "PowerSupplies", "Voltages"];

/** Puts a body through every reader of resources and answers, whatever kind of resource it is. */
export const readEverything = (body: unknown, onOddity: OnOddity): void => {
  const facts = new Facts("/sample", body, onOddity);
  const inner = lists.flatMap((name) => facts.list(name));
  for (const item of [facts, ...inner]) {
    componentOf({ path: item.path, facts: item });
    isAbsent(item);
    slotLabel(item);
    powerOf(item);
    slotOf(item.path, item);
    indicatorOf(item, "dell");
    eraseOperationOf(item);
    hpeEraseStatus(item);
    macOf(item.text("MACAddress"));
    for (const name of Object.keys(item.raw)) {
      item.link(name);
      if (name.endsWith("AllowableValues")) item.texts(name);
    }
    for (const name of ["TotalCores", "CapacityMiB", "SpeedMbps", "PowerCapacityWatts"]) {
      item.count(name);
    }
    item.at("Links").links("ManagedBy");
  }
  const messages = messagesOf(body);
  sayAll(messages);
  codesOf(messages);
  const reply: Reply = {
    method: "GET",
    path: "/sample",
    status: 202,
    headers: {},
    text: "",
    body,
  };
  taskOf(reply);
  taskReadingOf(reply);
  taskReadingOf({ ...reply, status: 200 });
  refusal({ ...reply, status: 400 }, 0);
  if (facts.has("RedfishVersion")) readRoot({ ...reply, status: 200 });
};
