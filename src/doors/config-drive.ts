import { z } from "zod";
import { ServerProvisionInput } from "#contract/server-inputs.ts";
import { Completion } from "#contract/server.ts";
import { configDriveImage } from "#drivers/config-drive/config-drive.ts";
import { foldRun } from "#engine/run-stream.ts";
import type { Journal } from "#journal/journal.ts";
import type { SecretStore } from "#journal/secrets.ts";
import type { Cipher } from "#platform/cipher.ts";

const Decided = z.object({ completion: Completion });

/**
 * The addresses that a run gives to the machine it installs: the installer's call-back and the config drive. Each
 * holds a token that only this installation can make, so the machine needs no other credential.
 */
export interface MachineAddresses {
  readonly callbackUrl: (run: string) => string;
  readonly driveUrl: (run: string) => string;
  readonly verify: (run: string, token: string) => boolean;
}

export const machineAddresses = (cipher: Cipher, publicUrl: () => string): MachineAddresses => {
  const token = (run: string): string => cipher.token(`machine ${run}`);
  return {
    callbackUrl: (run) => `${publicUrl()}/v1/callbacks/${run}/${token(run)}`,
    driveUrl: (run) => `${publicUrl()}/v1/media/${run}/${token(run)}/config.iso`,
    verify: (run, given) => cipher.verifies(`machine ${run}`, given),
  };
};

/** The config drive of a run: a function of its journalled input and of the secrets that this refers to. */
export const readConfigDrive =
  ({
    journal,
    secrets,
    addresses,
  }: {
    readonly journal: Journal;
    readonly secrets: SecretStore;
    readonly addresses: MachineAddresses;
  }) =>
  async (run: string, token: string): Promise<Uint8Array | null> => {
    if (!addresses.verify(run, token)) return null;
    const state = foldRun(run, await journal.read(run));
    const input = ServerProvisionInput.safeParse(state?.requested.input);
    if (state === null || !input.success) return null;
    // What the run has decided is asked of the installer; what the request left open is known only after `validate`.
    const decided = Decided.safeParse(state.outputs["validate"]);
    const { userData, networkData } = input.data;
    return configDriveImage({
      instanceId: run,
      hostName: input.data.serverId.replace("_", "-").toLowerCase(),
      callbackUrl: addresses.callbackUrl(run),
      completion: decided.data?.completion ?? input.data.completion ?? "callback",
      userData: userData === null ? null : await secrets.reveal(userData),
      networkData: networkData === null ? null : await secrets.reveal(networkData),
      at: new Date(state.createdAt),
    });
  };
