import { z } from "zod";
import { type Kind, Meta } from "./object.ts";

/** Values in base 64. */
const Secret = z.object({
  metadata: Meta,
  data: z.record(z.string(), z.string()).default({}),
});
type Secret = z.infer<typeof Secret>;

export const secretKind: Kind<Secret> = {
  group: "",
  versions: ["v1"],
  kind: "Secret",
  plural: "secrets",
  schema: Secret,
};
