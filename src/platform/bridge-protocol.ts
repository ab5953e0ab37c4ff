import type { Socket } from "node:net";
import { deserialize, serialize } from "node:v8";
import type { Param } from "./database.ts";

/**
 * What is said over a bridge. Each message is a frame: its length in bytes (four of them, the highest first), then the
 * message as Node's structured clone writes it, which knows dates and bytes as they are. A connection begins with the
 * frames of the handshake (bridge-handshake.ts), whose answer is an empty reply to request 0; afterwards each request has
 * its `DatabaseReply`. What belongs to a connection (transactions, locks, listening) ends with it.
 */
export type BridgeRequest = { readonly id: number } & (
  | {
      readonly do: "query";
      readonly sql: string;
      readonly params: readonly Param[];
      /** The number of the transaction that it is part of; null: its own. */
      readonly transaction: number | null;
    }
  | { readonly do: "script"; readonly sql: string }
  /** Answered with a `Numbered` row once it is this transaction's turn. */
  | { readonly do: "begin" }
  | { readonly do: "end"; readonly transaction: number; readonly keep: boolean }
  | { readonly do: "listen"; readonly channel: string }
  /** Answered with a `Numbered` row, or with none when another holder has it. */
  | { readonly do: "lock"; readonly name: string }
  | { readonly do: "unlock"; readonly lock: number }
);

export interface Numbered {
  readonly number: number;
}

/** Bridges are for one machine. */
export const BRIDGE_HOST = "127.0.0.1";

/** SQLSTATE invalid_password. */
export const WRONG_SECRET = "28P01";

const LENGTH_BYTES = 4;

export function sendFrame(socket: Socket, body: Uint8Array): void {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(body.length);
  socket.cork();
  socket.write(length);
  socket.write(body);
  socket.uncork();
}

export const sendMessage = (socket: Socket, message: unknown): void =>
  sendFrame(socket, serialize(message));

/** Only what a peer says that has proven to have the secret is read with this. */
export const messageIn = (frame: Uint8Array): unknown => deserialize(frame);

/** Makes frames of what arrives. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  /** The longest frame that is accepted, bytes. */
  maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Calls back for each frame that is complete now, oldest first. Throws when one is too long. */
  take(chunk: Uint8Array, onFrame: (frame: Buffer) => void): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= LENGTH_BYTES) {
      const length = this.#rest.readUInt32BE();
      if (length > this.maxBytes) throw new Error(`a frame of ${length} bytes is too long`);
      const end = LENGTH_BYTES + length;
      if (this.#rest.length < end) return;
      const frame = this.#rest.subarray(LENGTH_BYTES, end);
      this.#rest = this.#rest.subarray(end);
      onFrame(frame);
    }
  }
}
