import { z } from "zod";
import { ServerId } from "./ids.ts";
import { PoolName, PoolSelector } from "./pool.ts";
import { DisplayName } from "./server-requests.ts";

/** The bodies of the pool routes. Unknown fields are refused. */

/** Most servers that one request puts into a pool. */
const maxMembers = 500;

const Members = z
  .array(ServerId)
  .max(maxMembers)
  .refine((ids) => new Set(ids).size === ids.length, "must name each server once")
  .meta({ description: "The servers of the list, all of them; each leaves the list it was in" });

export const CreatePoolBody = z
  .strictObject({
    name: PoolName,
    displayName: DisplayName.optional(),
    selector: PoolSelector.optional(),
    members: Members.optional(),
  })
  .refine((body) => (body.selector === undefined) !== (body.members === undefined), {
    message: "must have either a selector or members, which may be empty",
  })
  .meta({ id: "CreatePool" });
export type CreatePoolBody = z.infer<typeof CreatePoolBody>;

export const UpdatePoolBody = z
  .strictObject({
    displayName: DisplayName.nullable().optional(),
    selector: PoolSelector.optional(),
    members: Members.optional(),
  })
  .refine((body) => Object.keys(body).length > 0, "must change something")
  .meta({ id: "UpdatePool" });
export type UpdatePoolBody = z.infer<typeof UpdatePoolBody>;
