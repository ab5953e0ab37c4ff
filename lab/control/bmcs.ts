import { z } from "zod";
import type { Bmc } from "#lab/bmc/bmc.ts";
import { hardwareOf } from "#lab/profiles/built.ts";
import { profileById, profiles } from "#lab/profiles/catalogue.ts";
import { removableParts } from "#lab/profiles/hardware.ts";
import { bootProgress, powerState } from "#lab/world/machine.ts";
import type { Asked, Context } from "./context.ts";
import { fail, ok } from "./reply.ts";
import type { Reply } from "./reply.ts";

/** A BMC as `GET /_lab` lists it. */
export function bmcEntry(context: Context, bmc: Bmc): Record<string, unknown> {
  const { profile } = bmc;
  return {
    name: bmc.name,
    vendor: profile.vendor,
    model: profile.model,
    address: context.addressOf(bmc.port),
    username: profile.account.username,
    password: profile.account.password,
    fingerprint256: bmc.fingerprint256,
  };
}

const newBmc = z.strictObject({
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/),
  profile: z.enum(profiles.map(({ id }) => id)).optional(),
});

export async function addBmc(context: Context, { body }: Asked): Promise<Reply> {
  const parsed = newBmc.safeParse(body);
  if (!parsed.success) {
    const ids = profiles.map(({ id }) => id).join(", ");
    return fail(
      400,
      `${problemOf(parsed.error)}; allowed: { name: small letters, digits and hyphens, up to 63, profile?: one of ${ids} }`,
    );
  }
  const { name, profile: profileId } = parsed.data;
  if (context.fleet.get(name) !== undefined)
    return fail(409, `there is a BMC called ${name} already`);
  const profile = profileById(profileId ?? "") ?? profiles[0];
  await context.fleet.addAll([{ name, profile, port: null, isAdded: true }]);
  return withBmc(context, name, (bmc) => ({ status: 201, body: bmcEntry(context, bmc) }));
}

/** What the machine is doing now: more than its BMC tells. */
export function bmcDetail(context: Context, asked: Asked): Reply | Promise<Reply> {
  return withBmc(context, asked.segments[2], (bmc) => {
    const machine = context.world.machine(bmc.name);
    return ok({
      ...bmcEntry(context, bmc),
      power: powerState(machine),
      bootProgress: bootProgress(machine),
      phase: machine.phase,
      media: machine.media,
      disks: machine.disks,
      isRestarting: bmc.isRestarting(),
    });
  });
}

const newCertificate = z.strictObject({ expired: z.boolean().optional() });

export function replaceCertificate(context: Context, asked: Asked): Reply | Promise<Reply> {
  const parsed = newCertificate.safeParse(asked.body);
  if (!parsed.success)
    return fail(400, `${problemOf(parsed.error)}; allowed: { expired?: true or false }`);
  return withBmc(context, asked.segments[2], async (bmc) => {
    await context.fleet.replaceCertificate(bmc, parsed.data.expired ?? false);
    return ok(bmcEntry(context, bmc));
  });
}

export function restartBmc(context: Context, asked: Asked): Reply | Promise<Reply> {
  return withBmc(context, asked.segments[2], (bmc) => {
    bmc.restart();
    return { status: 202, body: { name: bmc.name, isRestarting: true } };
  });
}

export function listSessions(context: Context, asked: Asked): Reply | Promise<Reply> {
  return withBmc(context, asked.segments[2], (bmc) => {
    const sessions = bmc.sessions.list().map(({ id, username, createdAt, usedAt }) => ({
      id,
      username,
      createdAt: new Date(createdAt).toISOString(),
      usedAt: new Date(usedAt).toISOString(),
    }));
    return ok({ count: sessions.length, sessions });
  });
}

export function listParts(context: Context, asked: Asked): Reply | Promise<Reply> {
  return withBmc(context, asked.segments[2], (bmc) => {
    const { pulled } = context.world.machine(bmc.name);
    const parts = removableParts(hardwareOf(bmc.profile, bmc.name));
    return ok({ parts: parts.map((part) => ({ part, isPresent: !pulled.includes(part) })) });
  });
}

const partMove = z.strictObject({ part: z.string(), isPresent: z.boolean() });

/** Takes a DIMM or disk out of the machine, or puts it back. Asking for what is so changes nothing. */
export function movePart(context: Context, asked: Asked): Reply | Promise<Reply> {
  const parsed = partMove.safeParse(asked.body);
  if (!parsed.success) {
    return fail(
      400,
      `${problemOf(parsed.error)}; allowed: { part: memory/<id> or drive/<serial>, isPresent: true or false }`,
    );
  }
  const { part, isPresent } = parsed.data;
  return withBmc(context, asked.segments[2], (bmc) => {
    const parts = removableParts(hardwareOf(bmc.profile, bmc.name));
    if (!parts.includes(part))
      return fail(404, `${bmc.name} has no ${part}; it has ${parts.join(", ")}`);
    context.world.command(bmc.name, { do: isPresent ? "return-part" : "pull-part", part });
    return ok({ part, isPresent });
  });
}

function withBmc(
  context: Context,
  name: string | undefined,
  handle: (bmc: Bmc) => Reply | Promise<Reply>,
): Reply | Promise<Reply> {
  const bmc = context.fleet.get(name ?? "");
  return bmc === undefined
    ? fail(404, `there is no BMC called ${name}; GET /_lab lists them`)
    : handle(bmc);
}

/** The first thing that is wrong with a body, as `name: …`. */
export function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "the body is wrong";
  return `${issue.path.length === 0 ? "body" : issue.path.join(".")}: ${issue.message}`;
}
