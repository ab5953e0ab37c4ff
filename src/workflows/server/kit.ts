import type { ServerFact } from "#contract/server.ts";
import type { ServerState } from "#domain/server/state.ts";
import type { HostPort } from "#drivers/host-ports.ts";
import type { BmcRef, Ports, ReadOptions, WriteOptions } from "#drivers/ports.ts";
import { type StepContext, workflowKit } from "#engine/kit.ts";

/** What server workflows work with. */
export interface ServerEnvironment {
  readonly ports: Ports & { readonly hosts: HostPort };
  readonly resource: ServerState;
  readonly fact: ServerFact;
}

/**
 * However fast a lab's machines are, the BMC driver's own pauses, repeats and time-outs take real time, and a deadline
 * that leaves no room for them would end a step before it could say what is wrong.
 */
export const workflow = workflowKit<ServerEnvironment>({ least: "1m" });

/** The part of a step's context that the shared pieces of server workflows need, whatever its input and output. */
export type ServerContext = Omit<StepContext<ServerEnvironment, unknown, unknown>, "prior">;

/** The server's BMC, with the certificate that was pinned when it was registered. */
export const bmcOf = ({ credentials, bmc }: ServerState): BmcRef =>
  bmcRef({ credentials, bmcAddress: bmc.address, tls: bmc.tls });

export const bmcRef = (from: {
  readonly bmcAddress: string;
  readonly credentials: BmcRef["credentials"];
  readonly tls: { readonly mode: BmcRef["tls"]["mode"]; readonly fingerprint256: string | null };
}): BmcRef => {
  const { bmcAddress, credentials, tls } = from;
  const fingerprint = tls.fingerprint256 === null ? {} : { fingerprint256: tls.fingerprint256 };
  return { address: bmcAddress, credentials, tls: { mode: tls.mode, ...fingerprint } };
};

export const reading = ({ signal }: ServerContext): ReadOptions => ({ signal });

export const writing = ({ signal, key }: ServerContext): WriteOptions => ({ signal, key });

/** Time since then as declared times count it, in ms: a lab's hour passes in a minute. */
export const elapsedMs = ({ now, pace }: Pick<ServerContext, "now" | "pace">, since: number) =>
  (now() - since) * pace;
