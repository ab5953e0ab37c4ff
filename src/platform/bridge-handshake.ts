import type { Socket } from "node:net";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * How the two ends of a bridge know each other: by a secret that both have and neither shows. Each proves it over what the
 * other has made up for this one connection, the owner first, so that who has merely taken the port learns nothing.
 *
 *   worker ── nonce ──────────▶ owner
 *   worker ◀── nonce, proof ─── owner      the worker goes away unless the proof is right
 *   worker ── proof ──────────▶ owner      the owner lets it in, or says that the secret is wrong
 *
 * A proof says by whom it is, so that one's own cannot be given back, and for which port, so that nobody at another one
 * can pass on what is said.
 */

export const NONCE_BYTES = 32;
export const PROOF_BYTES = 32;

/** To get through all of it, however much is said meanwhile, ms. */
const PATIENCE_MS = 5_000;

/** Cuts the connection off unless it is let in before the limit. Returns how to let it in. */
export function limitHandshake(socket: Socket, limitMs = PATIENCE_MS): () => void {
  const timer = setTimeout(() => socket.destroy(), limitMs);
  const letIn = (): void => clearTimeout(timer);
  socket.once("close", letIn);
  return letIn;
}

/** What both ends know of one connection. */
export interface Meeting {
  readonly secret: string;
  readonly port: number;
  /** What the worker has made up. */
  readonly worker: Uint8Array;
  /** What the owner has made up. */
  readonly owner: Uint8Array;
}

export const newNonce = (): Uint8Array => randomBytes(NONCE_BYTES);

export const proofBy = (
  who: "worker" | "owner",
  { secret, port, worker, owner }: Meeting,
): Uint8Array =>
  createHmac("sha256", secret)
    .update(`millwright bridge ${who} ${port} `)
    .update(worker)
    .update(owner)
    .digest();

/** Compares in constant time. */
export const isProofBy = (who: "worker" | "owner", meeting: Meeting, given: Uint8Array): boolean =>
  given.length === PROOF_BYTES && timingSafeEqual(proofBy(who, meeting), given);
