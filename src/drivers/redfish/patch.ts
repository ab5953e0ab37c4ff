import { Failure } from "#contract/failures.ts";
import { factsOf, header, type Reply } from "./reply.ts";
import type { Conversation, WriteRules } from "./wire/conversation.ts";

/** The ETag to send back: the header's, else the body's; an empty one counts as none. */
export const etagOf = (reply: Reply): string | null =>
  header(reply, "etag") ?? factsOf(reply).text("@odata.etag");

const withoutWeakness = (etag: string): string => etag.replace(/^W\//i, "");

/** The present values of what the patch would change, to be compared between two reads. */
const touched = (reply: Reply, body: object): string => {
  const facts = factsOf(reply);
  const values = Object.entries(body).map(([name, wanted]) => {
    const value = facts.raw[name];
    if (typeof wanted !== "object" || wanted === null) return [name, value];
    const inner = facts.at(name);
    return [name, Object.keys(wanted).map((key) => [key, inner.raw[key]])];
  });
  return JSON.stringify(values);
};

/**
 * Changes a resource against a fresh read of that very resource. The ladder of what BMCs accept:
 *
 * 1. `If-Match` with the ETag as given (none when there is none);
 * 2. on 412 the resource is read again and its newest ETag sent, as given and then without `W/`: Lenovo
 *    changes ETags of live resources between two reads, a Gigabyte refused the weak one it had sent;
 * 3. last without the header, but only while nobody else changed the values that the patch is about;
 * 4. on 428 a header must be sent: `*` when the service shows no ETag.
 *
 * Repeating it is as safe as the values are. Answers the last reply, refusals included.
 */
export const tryPatch = async (
  talk: Conversation,
  path: string,
  body: object,
  rules: WriteRules = {},
): Promise<Reply | null> => {
  const first = await talk.getReply(path);
  const send = (etag: string | null): Promise<Reply | null> =>
    talk.tryWrite(
      { method: "PATCH", target: path, body, headers: etag === null ? {} : { "If-Match": etag } },
      rules,
    );
  const given = etagOf(first);
  let reply = await send(given);
  if (reply?.status === 428 && given === null) {
    reply = await send(etagOf(await talk.getReply(path)) ?? "*");
  }
  if (reply?.status !== 412) return reply;
  const second = await talk.getReply(path);
  const newest = etagOf(second);
  const others = new Set<string>();
  if (newest !== null) others.add(newest).add(withoutWeakness(newest));
  if (given !== null && newest === given) others.delete(given);
  for (const etag of others) {
    reply = await send(etag);
    if (reply?.status !== 412) return reply;
  }
  if (touched(first, body) !== touched(second, body)) {
    throw new Failure("BMC_BUSY", `somebody else changed ${path} at the same moment`, {
      details: { path, status: 412, reason: "changed" },
    });
  }
  return send(null);
};

/** As `tryPatch`; a refusal is thrown. */
export const patch = async (
  talk: Conversation,
  path: string,
  body: object,
  rules: WriteRules = {},
): Promise<Reply | null> => {
  const reply = await tryPatch(talk, path, body, rules);
  if (reply !== null && reply.status >= 400) throw talk.refuse(reply);
  return reply;
};
