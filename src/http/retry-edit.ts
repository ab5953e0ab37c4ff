import type { Run } from "#contract/run.ts";
import type { Edit } from "#domain/request-edit.ts";
import { requestEdits } from "#domain/retry-edits.ts";
import type { RetryRequest } from "#engine/requests.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { fieldsOf, noFields, refusal, sentences } from "./refusal.ts";

/** Checks what a retry changes like the request that it repeats, and seals the secrets that it brings. */

interface Edited {
  readonly run: Pick<Run, "type" | "steps" | "input">;
  readonly edit: Edit;
  readonly fromStep: string | undefined;
}

/** The whole edited input and its new secrets, for the engine. Throws VALIDATION_ERROR naming the fields. */
export async function editedInput(
  deps: Pick<ApiDependencies, "seal">,
  { run, edit, fromStep }: Edited,
): Promise<Pick<RetryRequest, "input" | "secrets">> {
  const fields = noFields();
  const rules = requestEdits[run.type];
  if (rules === undefined)
    throw refusal({ input: `cannot be edited: a run of ${run.type} is retried as it was` });
  const { fixed, amid } = rules;
  const parsed = rules.request.safeParse(rules.merge(run.input, edit), { error: sentences });
  if (!parsed.success) Object.assign(fields, fieldsOf(parsed.error, ["input"]));
  const startsOver = fromStep === undefined || fromStep === run.steps[0]?.name;
  for (const name of Object.keys(edit)) {
    const field = `input.${name}`;
    const why = Object.hasOwn(fixed, name) ? fixed[name] : undefined;
    if (why !== undefined) fields[field] = why;
    else if (!startsOver && !amid.includes(name))
      fields[field] ??=
        `cannot be edited in a retry from ${fromStep}: steps before it have acted on what it was; retry from the start`;
  }
  if (!parsed.success || Object.keys(fields).length > 0) throw refusal(fields);
  const { input, clear } = rules.apply(run.input, parsed.data, edit);
  const sealed = await Promise.all(
    Object.entries(clear).map(async ([field, text]) => [field, await deps.seal(text)] as const),
  );
  const referring = sealed.reduce<object>(
    (whole, [field, { id }]) => withReference(whole, field.split("."), id),
    input,
  );
  return { input: { ...referring }, secrets: sealed.map(([, secret]) => secret) };
}

/** The input with a reference in the field at the end of the path. */
function withReference(whole: object, [name = "", ...rest]: readonly string[], id: string): object {
  const inner = (whole as Readonly<Record<string, unknown>>)[name];
  return { ...whole, [name]: rest.length === 0 ? id : withReference(inner as object, rest, id) };
}
