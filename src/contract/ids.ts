import { z } from "zod";

/**
 * Every id is a prefix that names its kind and 26 characters of Crockford base 32 (a ULID), so ids of one
 * kind sort by the time they were made. `:` and `/` never occur, so an id may stand in a path or a key.
 */
const body = "[0-9A-HJKMNP-TV-Z]{26}";

/** `beside`: what callers are likely to take for the id. */
const idOf = <P extends string>(prefix: P, what: string, beside = "") =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_${body}$`), `must be ${prefix}_ and 26 characters${beside}`)
    .meta({ description: what, example: `${prefix}_01KAP5ZV9QJ5T1W7R9D0C3M8XH` });

export const RunId = idOf("run", "A run: one accepted execution of a workflow");
export const ServerId = idOf("srv", "A bare-metal server");
export const ClusterId = idOf("cls", "A Kubernetes cluster");
export const VmId = idOf("vm", "A virtual machine");
export const PoolId = idOf("pool", "A pool of servers", ", the `id` of the pool and not its name");
export const SecretId = idOf("sec", "A reference to an encrypted secret, never the secret itself");

export type RunId = z.infer<typeof RunId>;
export type ServerId = z.infer<typeof ServerId>;
export type ClusterId = z.infer<typeof ClusterId>;
export type VmId = z.infer<typeof VmId>;
export type PoolId = z.infer<typeof PoolId>;
export type SecretId = z.infer<typeof SecretId>;

/** The kinds of ids that this version makes. */
export type IdPrefix = "run" | "srv" | "cls" | "vm" | "pool" | "sec" | "evt" | "key";

/** An instant, ISO 8601 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const Instant = z.iso
  .datetime({ precision: 3 })
  .meta({ description: "ISO 8601 in UTC with milliseconds", example: "2026-03-02T08:05:00.000Z" });
export type Instant = z.infer<typeof Instant>;
