import { z } from "zod";
import { Instant, PoolId, ServerId } from "./ids.ts";
import { Tags } from "./server.ts";

export const PoolName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
  )
  .meta({ description: "Name of a pool", example: "gpu-a" });

export const PoolSelector = z
  .strictObject({
    tags: Tags.refine(
      (tags) => Object.keys(tags).length > 0,
      "must hold a tag: without one every server would be selected",
    ),
  })
  .meta({ description: "Its servers are those of the project whose tags hold all of these" });
export type PoolSelector = z.infer<typeof PoolSelector>;

/** How a pool's servers stand. What is neither free nor reserved nor used is not ready for use, or a run is at work on it. */
export const PoolCounts = z.object({
  total: z.number().int().nonnegative().meta({ description: "All but decommissioned ones" }),
  free: z.number().int().nonnegative().meta({
    description: "Available, not failed, in no run's hands and in no cluster",
  }),
  drawable: z.number().int().nonnegative().meta({
    description:
      "Of the free ones those under Metal3: only such servers become machines of a cluster that draws from the pool",
  }),
  reserved: z
    .number()
    .int()
    .nonnegative()
    .meta({ description: "Drawn by a run that is still under way" }),
  used: z.number().int().nonnegative().meta({ description: "In clusters" }),
});
export type PoolCounts = z.infer<typeof PoolCounts>;

/** The public pool. */
export const Pool = z
  .object({
    id: PoolId,
    region: z.string(),
    project: z.string(),
    name: PoolName,
    displayName: z.string().nullable(),
    selector: PoolSelector.nullable().meta({
      description: "Null: its servers are listed, each says so in its `pool`",
    }),
    counts: PoolCounts,
    createdAt: Instant,
    updatedAt: Instant,
    links: z.object({ self: z.string(), servers: z.string(), events: z.string() }),
  })
  .meta({ id: "Pool" });
export type Pool = z.infer<typeof Pool>;

/**
 * Every fact of a pool's stream, by type. Who was put into a list, or taken out, is told here for the record; that a
 * server is in it stands in the server's own stream.
 */
export const poolFacts = {
  "pool.created": z.object({
    pool: PoolId,
    region: z.string(),
    project: z.string(),
    name: PoolName,
    displayName: z.string().nullable(),
    selector: PoolSelector.nullable(),
    members: z.array(ServerId),
  }),
  "pool.updated": z.object({
    displayName: z.string().nullable().optional(),
    selector: PoolSelector.optional(),
    added: z.array(ServerId).optional(),
    removed: z.array(ServerId).optional(),
  }),
  "pool.deleted": z.object({}),
} as const;

export type PoolFactType = keyof typeof poolFacts;
export type PoolFact = {
  [T in PoolFactType]: { readonly type: T; readonly data: z.infer<(typeof poolFacts)[T]> };
}[PoolFactType];
