import { Facts } from "./facts.ts";

/** One message of a service's answer, whichever of the odd places it stood in. */
export interface ServiceMessage {
  /** The last part of MessageId, `PropertyValueNotInList`; registry and version before it change with firmware. */
  readonly code: string | null;
  readonly text: string | null;
  readonly args: readonly string[];
  readonly resolution: string | null;
  readonly severity: string | null;
  /** The properties that the message is about, as JSON pointers or names. */
  readonly about: readonly string[];
}

const lastPart = (id: string | null): string | null => id?.split(".").at(-1)?.trim() ?? null;

const messageOf = (facts: Facts, about: readonly string[]): ServiceMessage => ({
  code: lastPart(facts.text("MessageId") ?? facts.text("MessageID")),
  text: facts.text("Message"),
  args: argsOf(facts.raw["MessageArgs"]),
  resolution: facts.text("Resolution"),
  severity: facts.text("MessageSeverity") ?? facts.text("Severity"),
  about: [...about, ...facts.texts("RelatedProperties")],
});

const argsOf = (value: unknown): string[] =>
  value === undefined || value === null
    ? []
    : (Array.isArray(value) ? value : [value]).map((arg: unknown) =>
        typeof arg === "string" ? arg : (JSON.stringify(arg) ?? ""),
      );

/** DSP0266 wants a list of objects; Cisco and iDRAC send one object, others plain strings. */
const extendedInfo = (holder: Facts, name: string, about: readonly string[]): ServiceMessage[] => {
  const value = holder.raw[name];
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map((item: unknown) =>
    typeof item === "string"
      ? { code: null, text: item.trim(), args: [], resolution: null, severity: null, about }
      : messageOf(new Facts(holder.path, item), about),
  );
};

const annotation = "@Message.ExtendedInfo";

/**
 * Every message of a body: `error["@Message.ExtendedInfo"]`, the same at the top, `property@Message.ExtendedInfo`
 * (which a 200 may carry for a partial failure), `error.message`, and the `Message` of bodies with no `error`.
 * `body` is parsed JSON or the text as it came.
 */
export const messagesOf = (body: unknown): readonly ServiceMessage[] => {
  if (typeof body === "string") return plain(body);
  const top = new Facts("", body);
  const error = top.at("error");
  const found = [
    ...extendedInfo(error, annotation, []),
    ...extendedInfo(top, annotation, []),
    ...Object.keys(top.raw)
      .filter((name) => name.endsWith(annotation) && name !== annotation)
      .flatMap((name) => extendedInfo(top, name, [name.slice(0, -annotation.length)])),
  ];
  // A GeneralError says nothing in its list; what happened then stands in error.message alone.
  const told = found.some((message) => message.text !== null || message.args.length > 0);
  if (told) return found;
  const text = error.text("message") ?? top.text("Message") ?? top.text("message");
  const code = lastPart(error.text("code"));
  if (text === null && (code === null || found.length > 0)) return found;
  return [
    ...found.filter((message) => message.code !== code),
    { code, text, args: [], resolution: null, severity: null, about: [] },
  ];
};

/** A body that is no JSON: plain text is its own message, a web page says nothing worth showing. */
const plain = (body: string): ServiceMessage[] => {
  const text = body.trim();
  return text === "" || text.startsWith("<")
    ? []
    : [{ code: null, text, args: [], resolution: null, severity: null, about: [] }];
};

const maxMessageChars = 240;
const maxChars = 600;

const shorten = (text: string, chars: number): string =>
  text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;

/** All messages and resolutions for a person, shortened; empty when the service said nothing. */
export const sayAll = (messages: readonly ServiceMessage[]): string => {
  const sentences = messages.flatMap((message) => {
    const said =
      message.text ??
      (message.code === null
        ? null
        : [message.code, ...(message.args.length > 0 ? [`(${message.args.join(", ")})`] : [])].join(
            " ",
          ));
    return [said, message.resolution]
      .filter((text) => text !== null && !/^none\.?$/i.test(text))
      .map((text) => shorten(String(text).replace(/\s+/g, " "), maxMessageChars));
  });
  return shorten([...new Set(sentences)].join(" "), maxChars);
};

export const codesOf = (messages: readonly ServiceMessage[]): string[] => [
  ...new Set(messages.flatMap((message) => (message.code === null ? [] : [message.code]))),
];
