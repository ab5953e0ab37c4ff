import { messagesOf } from "./messages.ts";
import type { Reply } from "./reply.ts";

/**
 * The forms in which BMCs want an image. Everybody takes the bare URL but those that do not: what a refusal
 * says about a parameter is followed first, and where it says nothing the known forms are tried one by one.
 */
export type Payload = Readonly<Record<string, string | boolean>>;

const optional = [
  "TransferProtocolType",
  "TransferMethod",
  "Inserted",
  "WriteProtected",
  "UserName",
  "Password",
] as const;
type Optional = (typeof optional)[number];

const valueOf = (name: Optional, url: string): string | boolean => {
  switch (name) {
    case "TransferProtocolType":
      return url.slice(0, url.indexOf(":")).toUpperCase();
    case "TransferMethod":
      return "Stream";
    case "Inserted":
    case "WriteProtected":
      return true;
    // Some insist on credentials for a share that needs none; any value will do.
    case "UserName":
    case "Password":
      return "none";
  }
};

const build = (url: string, names: readonly Optional[]): Payload => ({
  Image: url,
  ...Object.fromEntries(names.map((name) => [name, valueOf(name, url)])),
});

/** Forms that worked somewhere: sushy's bare URL, some Lenovo, Nokia and OpenBMC, then everything. */
const ladder: readonly (readonly Optional[])[] = [
  [],
  ["Inserted", "WriteProtected"],
  ["TransferProtocolType"],
  ["TransferProtocolType", "TransferMethod"],
  ["TransferProtocolType", "TransferMethod", "Inserted", "WriteProtected"],
  ["TransferProtocolType", "TransferMethod", "UserName", "Password"],
];

const missing = new Set([
  "ActionParameterMissing",
  "PropertyMissing",
  "CreateFailedMissingReqProperties",
]);
const unwanted = new Set([
  "ActionParameterNotSupported",
  "ActionParameterUnknown",
  "PropertyUnknown",
  "PropertyNotWritable",
]);

/** The parameters that the messages of a refusal name, by what they say about them. */
const named = (reply: Reply, codes: ReadonlySet<string>): Optional[] => {
  const words = messagesOf(reply.body)
    .filter((message) => message.code !== null && codes.has(message.code))
    .flatMap((message) => [...message.args, ...message.about])
    .map((word) => word.split("/").at(-1));
  return optional.filter((name) => words.includes(name));
};

const keyOf = (payload: Payload): string => Object.keys(payload).toSorted().join();

/** What to send next after the payloads in `tried`, the last of which got `refused`; null when all were tried. */
export const nextPayload = (
  url: string,
  required: readonly string[],
  tried: readonly Payload[],
  refused: Reply | null,
): Payload | null => {
  const done = new Set(tried.map(keyOf));
  const candidates: Payload[] = [];
  const last = tried.at(-1);
  if (last !== undefined && refused !== null) {
    const add = named(refused, missing);
    const drop = named(refused, unwanted);
    if (add.length + drop.length > 0) {
      const names = optional.filter(
        (name) => (name in last || add.includes(name)) && !drop.includes(name),
      );
      candidates.push(build(url, names));
    }
  }
  candidates.push(
    build(
      url,
      optional.filter((name) => required.includes(name)),
    ),
  );
  candidates.push(...ladder.map((names) => build(url, names)));
  return candidates.find((payload) => !done.has(keyOf(payload))) ?? null;
};
