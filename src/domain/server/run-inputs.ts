import type { KubernetesPlace } from "#contract/cluster.ts";
import type { SecretId, ServerId } from "#contract/ids.ts";
import type {
  ServerDecommissionInput,
  ServerInspectInput,
  ServerLifecycleInput,
  ServerProvisionInput,
  ServerRegisterInput,
} from "#contract/server-inputs.ts";
import type {
  DecommissionServerQuery,
  ProvisionServerBody,
  RegisterServerBody,
  ServerLifecycleBody,
} from "#contract/server-requests.ts";
import type { StoredServer } from "./row.ts";

/** From a checked request to a run's input. The door seals the secrets first and brings their references. */

export function registerInput(from: {
  readonly body: RegisterServerBody;
  readonly serverId: ServerId;
  /** Holds `{ username, password }`. */
  readonly credentials: SecretId;
  /** Where Metal3's host is to be kept; null under redfish. */
  readonly host: KubernetesPlace | null;
  readonly region: string;
  readonly project: string;
}): ServerRegisterInput {
  const { body, ...rest } = from;
  return {
    ...rest,
    bmcAddress: body.bmcAddress,
    tls: { mode: body.tls.mode, fingerprint256: body.tls.fingerprint256 ?? null },
    displayName: body.displayName ?? null,
    tags: body.tags,
    pool: body.pool ?? null,
    provisioner: body.provisioner,
    inspect: body.inspect,
    onFailure: body.onFailure,
  };
}

export const inspectInput = (serverId: ServerId): ServerInspectInput => ({ serverId });

export function provisionInput(from: {
  readonly body: ProvisionServerBody;
  readonly serverId: ServerId;
  readonly userData: SecretId | null;
  readonly networkData: SecretId | null;
}): ServerProvisionInput {
  const { body, ...rest } = from;
  const { image, onFailure } = body;
  return { ...rest, image, completion: body.completion ?? null, onFailure };
}

/**
 * `reprovision` installs what was installed last, so the input takes it from the server as it is when the
 * request is accepted. A server without an installation does not admit it.
 */
export function lifecycleInput(from: {
  readonly body: ServerLifecycleBody;
  readonly server: Pick<StoredServer, "id" | "installed">;
}): ServerLifecycleInput {
  const { body, server } = from;
  const { action, force, gracePeriodMs } = body;
  const input = { serverId: server.id, action, force, gracePeriodMs, reason: body.reason ?? null };
  if (action !== "reprovision" || server.installed === null) return { ...input, reprovision: null };
  const { image, completion, userData, networkData } = server.installed;
  return { ...input, reprovision: { image, completion, userData, networkData } };
}

export function decommissionInput(from: {
  readonly query: DecommissionServerQuery;
  readonly serverId: ServerId;
}): ServerDecommissionInput {
  const { query, serverId } = from;
  return { serverId, skipErase: query.skipErase, reason: query.reason ?? null };
}
