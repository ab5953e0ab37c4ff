import { z } from "zod";
import { Instant, RunId } from "./ids.ts";

/** An event of the journal as the API shows it: the same for a run's story, a resource's facts and the whole log. */
export const LoggedEvent = z
  .object({
    stream: z.string().meta({
      description: "The run or resource that the event belongs to",
      example: "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH",
    }),
    version: z
      .number()
      .int()
      .positive()
      .meta({ description: "Place in the stream, from 1 without gaps" }),
    position: z
      .number()
      .int()
      .positive()
      .meta({ description: "Place among all events; grows, with gaps" }),
    type: z.string().meta({ example: "step.completed" }),
    data: z.unknown().meta({ description: "What happened, in the form that the type prescribes" }),
    schema: z.number().int().positive().meta({ description: "Version of the data's form" }),
    actor: z
      .string()
      .meta({ description: "Who caused it: an API key's name, or `millwright` for the engine" }),
    requestId: z
      .string()
      .nullable()
      .meta({ description: "The request that caused it, if one did" }),
    causation: RunId.nullable().meta({
      description: "The run that brought a resource's fact about",
    }),
    occurredAt: Instant,
    digest: z
      .string()
      .meta({ description: "SHA-256 of the event's canonical form, by which tampering shows" }),
  })
  .meta({ id: "Event" });
export type LoggedEvent = z.infer<typeof LoggedEvent>;
