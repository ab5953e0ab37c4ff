import type { z } from "zod";
import { SecretId } from "#contract/ids.ts";

/**
 * What a retry may change of the request that it repeats: the fields of that request, checked by its own schema. Ids,
 * place and references to secrets are no fields of a request, so they cannot be changed.
 */

/** The fields that a retry names, as sent. Null takes an optional field away. */
export type Edit = Readonly<Record<string, unknown>>;

export interface EditedInput {
  /** The whole input, still with the old references. */
  readonly input: object;
  /** New secrets in clear, by the path of the field (`spec.userData`) of the input that is to refer to them once they are sealed. */
  readonly clear: Readonly<Record<string, string>>;
}

/** How one workflow's request is edited, types erased. */
export interface RequestEdit {
  /** The schema of the whole request. */
  readonly request: z.ZodType;
  /** Fields of the request that make it another request; why. */
  readonly fixed: Readonly<Record<string, string>>;
  /** Fields that no reused step has acted on: all others can only change when the run starts over. */
  readonly amid: readonly string[];
  /** The request that the input came from, as edited; to be checked by `request`. */
  merge(input: unknown, edit: Edit): Readonly<Record<string, unknown>>;
  /** The input that follows from the checked request. */
  apply(input: unknown, body: unknown, edit: Edit): EditedInput;
}

export const withoutNulls = (fields: Edit): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

interface TypedEdit<Input, Body> {
  readonly input: z.ZodType<Input>;
  readonly request: z.ZodType<Body>;
  readonly fixed?: Readonly<Record<string, string>>;
  readonly amid: readonly string[];
  /** The old request's fields; secrets are left out, or stood in for where the schema requires them. */
  before(input: Input, edit: Edit): Readonly<Record<string, unknown>>;
  apply(input: Input, body: Body, edit: Edit): EditedInput;
}

export const editOf = <Input, Body>(typed: TypedEdit<Input, Body>): RequestEdit => ({
  request: typed.request,
  fixed: typed.fixed ?? {},
  amid: typed.amid,
  merge: (input, edit) =>
    withoutNulls({ ...typed.before(typed.input.parse(input), edit), ...edit }),
  apply: (input, body, edit) => typed.apply(typed.input.parse(input), body as Body, edit),
});

/**
 * The schema of a request whose texts are stored as secrets. An old input shows references where the request had
 * texts; one that was copied would become the machine's own data.
 */
export const textsOnly = <Body extends object>(
  schema: z.ZodType<Body>,
  fields: readonly (keyof Body & string)[],
): z.ZodType<Body> =>
  schema.check((context) => {
    for (const field of fields) {
      if (SecretId.safeParse(context.value[field]).success)
        context.issues.push({
          code: "custom",
          path: [field],
          input: context.value,
          message: "must be the text itself; what is stored stays when the field is left out",
        });
    }
  });
