import { describe, expect, it } from "vitest";
import { codesOf, messagesOf, sayAll } from "./messages.ts";

const said = (body: unknown): string => sayAll(messagesOf(body));

describe("messages", () => {
  it("are found wherever services put them", () => {
    const one = { MessageId: "Base.1.8.GeneralError", Message: "It broke." };
    for (const body of [
      { error: { "@Message.ExtendedInfo": [one] } },
      { error: { "@Message.ExtendedInfo": one } },
      { "@Message.ExtendedInfo": [one] },
      { "Boot@Message.ExtendedInfo": [one] },
      { error: { code: "Base.1.8.GeneralError", message: "It broke." } },
    ]) {
      expect(said(body)).toBe("It broke.");
      expect(codesOf(messagesOf(body))).toEqual(["GeneralError"]);
    }
  });

  it("may be plain strings, plain text or nothing at all", () => {
    expect(said({ error: { "@Message.ExtendedInfo": ["No licence."] } })).toBe("No licence.");
    expect(said("only Boot can be patched")).toBe("only Boot can be patched");
    expect(said("<html><body>403</body></html>")).toBe("");
    for (const body of [undefined, null, "", 7, [], {}, { error: null }, { error: "bad" }]) {
      expect(said(body)).toBe("");
    }
  });

  it("without a text are told by their id and arguments", () => {
    expect(
      said({
        error: {
          "@Message.ExtendedInfo": [{ MessageId: "iLO.2.8.PowerOff", MessageArgs: ["now", 3] }],
        },
      }),
    ).toBe("PowerOff (now, 3)");
  });

  it("are all told, with what to do, each sentence once and none too long", () => {
    const text = said({
      error: {
        "@Message.ExtendedInfo": [
          { Message: "First.", Resolution: "Do this." },
          { Message: "Second.", Resolution: "None." },
          { Message: "First.", Resolution: "Do this." },
          { Message: "x".repeat(5000) },
        ],
      },
    });
    expect(text.startsWith("First. Do this. Second. xxx")).toBe(true);
    expect(text.length).toBeLessThanOrEqual(600);
    expect(text.endsWith("…")).toBe(true);
  });

  it("are known by the last part of their id, whatever the registry's version", () => {
    const of = (MessageId: string): string[] =>
      codesOf(messagesOf({ "@Message.ExtendedInfo": [{ MessageId, Message: "m" }] }));
    expect(of("Base.1.12.PropertyValueNotInList")).toEqual(["PropertyValueNotInList"]);
    expect(of("PropertyValueNotInList")).toEqual(["PropertyValueNotInList"]);
    expect(of("IDRAC.2.8.SYS518")).toEqual(["SYS518"]);
  });
});
