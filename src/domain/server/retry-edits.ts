import type { z } from "zod";
import { SecretId } from "#contract/ids.ts";
import type { WorkflowType } from "#contract/run.ts";
import {
  ServerDecommissionInput,
  ServerInspectInput,
  ServerLifecycleInput,
  ServerProvisionInput,
  ServerRegisterInput,
} from "#contract/server-inputs.ts";
import {
  DecommissionServerQuery,
  InspectServerBody,
  ProvisionServerBody,
  RegisterServerBody,
  ServerLifecycleBody,
} from "#contract/server-requests.ts";
import { decommissionInput, inspectInput, provisionInput, registerInput } from "./run-inputs.ts";

/**
 * What a retry may change of the request that it repeats: the fields of that request, checked by its own schema. Ids,
 * place and references to secrets are no fields of a request, so they cannot be changed.
 */

/** The fields that a retry names, as sent. Null takes an optional field away. */
export type Edit = Readonly<Record<string, unknown>>;

export interface EditedInput {
  /** The whole input, still with the old references. */
  readonly input: object;
  /** New secrets in clear, by the field of the input that is to refer to them once they are sealed. */
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

const withoutNulls = (fields: Edit): Readonly<Record<string, unknown>> =>
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

const editOf = <Input, Body>(typed: TypedEdit<Input, Body>): RequestEdit => ({
  request: typed.request,
  fixed: typed.fixed ?? {},
  amid: typed.amid,
  merge: (input, edit) =>
    withoutNulls({ ...typed.before(typed.input.parse(input), edit), ...edit }),
  apply: (input, body, edit) => typed.apply(typed.input.parse(input), body as Body, edit),
});

/** Both or neither: what is stored is one secret. */
const namesCredentials = (edit: Edit): boolean =>
  Object.hasOwn(edit, "username") || Object.hasOwn(edit, "password");

const unchanged = { username: "unchanged", password: "unchanged" };

const registration = editOf({
  input: ServerRegisterInput,
  request: RegisterServerBody,
  amid: ["displayName", "tags", "pool", "inspect", "onFailure"],
  before: (
    { serverId: _id, region: _r, project: _p, credentials: _c, host: _h, ...input },
    edit,
  ) => ({
    ...input,
    tls: withoutNulls(input.tls),
    ...(!namesCredentials(edit) && unchanged),
  }),
  apply(input, body, edit) {
    const { serverId, region, project, credentials, host } = input;
    const { username, password } = body;
    return {
      input: registerInput({ body, serverId, region, project, credentials, host }),
      clear: namesCredentials(edit) ? { credentials: JSON.stringify({ username, password }) } : {},
    };
  },
});

const configFields = ["userData", "networkData"] as const;

/** An old input shows references where the request had texts; one that was copied would become the machine's own data. */
const ProvisionEdit = ProvisionServerBody.check((context) => {
  for (const field of configFields) {
    if (SecretId.safeParse(context.value[field]).success)
      context.issues.push({
        code: "custom",
        path: [field],
        input: context.value,
        message: "must be the text itself; what is stored stays when the field is left out",
      });
  }
});

const provisioning = editOf({
  input: ServerProvisionInput,
  request: ProvisionEdit,
  amid: ["onFailure"],
  before: ({ image, completion, onFailure }) => ({
    image: withoutNulls(image),
    completion,
    onFailure,
  }),
  apply(input, body, edit) {
    const kept = (field: (typeof configFields)[number]): SecretId | null =>
      Object.hasOwn(edit, field) ? null : input[field];
    const given = configFields.flatMap((field) => {
      const text = body[field];
      return text === undefined ? [] : [[field, text] as const];
    });
    return {
      input: provisionInput({
        body,
        serverId: input.serverId,
        userData: kept("userData"),
        networkData: kept("networkData"),
      }),
      clear: Object.fromEntries(given),
    };
  },
});

const lifecycle = editOf({
  input: ServerLifecycleInput,
  request: ServerLifecycleBody,
  fixed: { action: "cannot be edited: ask the server for the other action itself" },
  amid: ["force", "gracePeriodMs", "reason"],
  before: ({ action, force, gracePeriodMs, reason }) => ({ action, force, gracePeriodMs, reason }),
  apply: (input, { force, gracePeriodMs, reason }) => ({
    input: { ...input, force, gracePeriodMs, reason: reason ?? null },
    clear: {},
  }),
});

const decommissioning = editOf({
  input: ServerDecommissionInput,
  request: DecommissionServerQuery,
  amid: ["reason"],
  before: ({ skipErase, reason }) => ({ skipErase, reason }),
  apply: ({ serverId }, query) => ({ input: decommissionInput({ query, serverId }), clear: {} }),
});

const inspection = editOf({
  input: ServerInspectInput,
  request: InspectServerBody,
  amid: [],
  before: () => ({}),
  apply: ({ serverId }) => ({ input: inspectInput(serverId), clear: {} }),
});

/** By type of run; a run of any other type is retried as it is. */
export const requestEdits: Readonly<Partial<Record<WorkflowType, RequestEdit>>> = {
  "server.register": registration,
  "server.inspect": inspection,
  "server.provision": provisioning,
  "server.lifecycle": lifecycle,
  // Its request is a query, whose values are texts; an input says true and false.
  "server.decommission": {
    ...decommissioning,
    merge(input, edit) {
      const merged = decommissioning.merge(input, edit);
      const { skipErase } = merged;
      return typeof skipErase === "boolean" ? { ...merged, skipErase: String(skipErase) } : merged;
    },
  },
};
