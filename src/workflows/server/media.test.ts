import { describe, expect, it } from "vitest";
import { Story } from "#domain/server/testing/story.ts";
import type { BmcPort, MediaSlot } from "#drivers/ports.ts";
import type { ServerContext } from "./kit.ts";
import { ejectAll, insertAll } from "./media.ts";

/** Whether a medium is in a slot is the port's to say: the text that a BMC shows need not be the URL it was given. */

const { server } = new Story().ready();

const url = "https://Images.Example/debian 13.iso";

const contextWith = (slot: Partial<MediaSlot>): ServerContext => {
  const bmc: Partial<BmcPort> = {
    insertMedia: async () => "asked",
    ejectMedia: async () => "asked",
    readMedia: async () => [
      {
        slot: "/redfish/v1/Managers/1/VirtualMedia/1",
        types: ["CD"],
        image: "https://images.example/debian%2013.iso",
        inserted: true,
        holds: null,
        ...slot,
      },
    ],
  };
  return {
    ports: { bmc },
    resource: server,
    signal: new AbortController().signal,
    key: "run/insert-media",
  } as unknown as ServerContext;
};

describe("a medium whose URL the BMC writes in its own way", () => {
  it("is in when the port says that the slot holds it", async () => {
    const context = contextWith({ holds: url });
    expect(await insertAll(context, [{ url, kind: "cd" }])).toBeNull();
    expect(await ejectAll(context, [url])).toMatchObject({ kind: "wait" });
  });

  it("is not in before the BMC shows it as inserted, and out once no slot holds it", async () => {
    const half = contextWith({ holds: url, inserted: false });
    expect(await insertAll(half, [{ url, kind: "cd" }])).toMatchObject({ kind: "wait" });
    const other = contextWith({ holds: null });
    expect(await insertAll(other, [{ url, kind: "cd" }])).toMatchObject({ kind: "wait" });
    expect(await ejectAll(other, [url])).toBeNull();
  });
});
