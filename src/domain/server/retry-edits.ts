import type { SecretId } from "#contract/ids.ts";
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
import {
  type Edit,
  type RequestEdit,
  editOf,
  textsOnly,
  withoutNulls,
} from "#domain/request-edit.ts";
import { decommissionInput, inspectInput, provisionInput, registerInput } from "./run-inputs.ts";

/** What a retry may change of the requests to servers. */

/** Both or neither: what is stored is one secret. */
const namesCredentials = (edit: Edit): boolean =>
  Object.hasOwn(edit, "username") || Object.hasOwn(edit, "password");

const unchanged = { username: "unchanged", password: "unchanged" };

const registration = editOf({
  input: ServerRegisterInput,
  request: RegisterServerBody,
  fixed: {
    provisioner: "cannot be edited: ask for a new registration",
    managementCluster: "cannot be edited: ask for a new registration",
  },
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

const ProvisionEdit = textsOnly(ProvisionServerBody, configFields);

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

export const serverEdits = {
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
} as const satisfies Partial<Record<WorkflowType, RequestEdit>>;
