import { createServer, type AddressInfo, type Socket } from "node:net";
import type { Database } from "./database.ts";
import { type DatabaseReply, errorFields } from "./database-link.ts";
import {
  BRIDGE_HOST,
  type BridgeRequest,
  FrameReader,
  messageIn,
  sendMessage,
  sendFrame,
  WRONG_SECRET,
} from "./bridge-protocol.ts";
import {
  isProofBy,
  limitHandshake,
  type Meeting,
  newNonce,
  NONCE_BYTES,
  PROOF_BYTES,
  proofBy,
} from "./bridge-handshake.ts";
import { BridgeTransaction } from "./bridge-transaction.ts";

/**
 * A door on loopback through which other processes use this process's database (decision 13). The embedded database has
 * one session, so what they ask is queued here among our own statements; what lives in a session elsewhere (an open
 * transaction, a lock, who listens) belongs to their connection, and ends with it however they end.
 *
 *   connected ─▶ each end has proven itself ─▶ requests, several at a time ─▶ closed: taken back, unlocked
 */
export interface Bridge {
  readonly port: number;
  /** Cuts everybody off and takes back what they have not committed. */
  close(): Promise<void>;
}

export interface BridgeOptions {
  readonly database: Database;
  /** 0: any free one. */
  readonly port: number;
  /** What a worker must have too. */
  readonly secret: string;
  /**
   * How long a transaction may stand open between two statements before its connection is cut, ms: everybody waits for
   * it, so a process that was stopped in the middle must not hold it for ever.
   */
  readonly idleMs?: number;
  /** How long a connection may take to prove itself, ms. */
  readonly patienceMs?: number;
}

const IDLE_MS = 5_000;
/** Far above the largest commit. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/** One connection's side of the conversation. */
class BridgeSession {
  readonly #database: Database;
  readonly #idleMs: number;
  readonly #socket: Socket;
  readonly #transactions = new Map<number, BridgeTransaction>();
  readonly #locks = new Map<number, () => Promise<void>>();
  /** By channel. */
  readonly #stops = new Map<string, () => Promise<void>>();
  #lastNumber = 0;
  #isOver = false;

  constructor(socket: Socket, { database, idleMs = IDLE_MS }: BridgeOptions) {
    this.#database = database;
    this.#idleMs = idleMs;
    this.#socket = socket;
  }

  async serve(request: BridgeRequest): Promise<void> {
    const { id } = request;
    try {
      this.#reply({ id, rows: await this.#rowsFor(request) });
    } catch (error) {
      this.#reply({ id, error: errorFields(error) });
    }
  }

  async #rowsFor(request: BridgeRequest): Promise<readonly object[]> {
    switch (request.do) {
      case "query": {
        const { sql, params, transaction } = request;
        if (transaction === null) return this.#database.query(sql, params);
        return this.#open(transaction).query(sql, params);
      }
      case "script":
        await this.#database.script(request.sql);
        return [];
      case "begin":
        return [{ number: await this.#begin() }];
      case "end": {
        const transaction = this.#open(request.transaction);
        this.#transactions.delete(request.transaction);
        await transaction.end(request.keep ? "keep" : "take back");
        return [];
      }
      case "listen":
        await this.#listen(request.channel);
        return [];
      case "lock": {
        const release = await this.#database.tryLock(request.name);
        if (release === null) return [];
        const number = this.#nextNumber();
        await this.#keep(this.#locks, number, release);
        return [{ number }];
      }
      case "unlock": {
        const release = this.#locks.get(request.lock);
        this.#locks.delete(request.lock);
        await release?.();
        return [];
      }
    }
  }

  async #begin(): Promise<number> {
    const number = this.#nextNumber();
    const transaction = new BridgeTransaction(this.#database, {
      ms: this.#idleMs,
      onIdle: () => this.#socket.destroy(),
    });
    this.#transactions.set(number, transaction);
    await transaction.begun;
    return number;
  }

  #open(number: number): BridgeTransaction {
    const transaction = this.#transactions.get(number);
    if (transaction === undefined) throw new Error("the transaction has ended");
    return transaction;
  }

  async #listen(channel: string): Promise<void> {
    if (this.#stops.has(channel)) return;
    const stop = await this.#database.listen(channel, (payload) =>
      this.#reply({ id: 0, channel, payload }),
    );
    await this.#keep(this.#stops, channel, stop);
  }

  /** What was taken is kept until the connection's end, unless that came while it was being taken. */
  async #keep<Key>(
    kept: Map<Key, () => Promise<void>>,
    key: Key,
    giveBack: () => Promise<void>,
  ): Promise<void> {
    if (this.#isOver || kept.has(key)) await giveBack();
    else kept.set(key, giveBack);
  }

  /** The connection is gone: nothing of it remains. */
  async end(): Promise<void> {
    this.#isOver = true;
    const transactions = [...this.#transactions.values()];
    this.#transactions.clear();
    const endings = transactions.map((transaction) => transaction.end("take back"));
    const givenBack = [...this.#stops.values(), ...this.#locks.values()].map((give) => give());
    this.#stops.clear();
    this.#locks.clear();
    // A database that is gone has taken everything back by itself.
    await Promise.allSettled([...endings, ...givenBack]);
  }

  #nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #reply(reply: DatabaseReply): void {
    if (this.#socket.writable) sendMessage(this.#socket, reply);
  }
}

/** Throws when what was said is no nonce. */
function meet({ localPort }: Socket, said: Buffer, secret: string): Meeting {
  if (said.length !== NONCE_BYTES || localPort === undefined)
    throw new Error("this is not how a worker begins");
  return { secret, port: localPort, worker: said, owner: newNonce() };
}

/** Throws the system's error when the port cannot be had. */
export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  /** Each connection, and its end with everything taken back. */
  const connections = new Map<Socket, Promise<void>>();
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    const session = new BridgeSession(socket, options);
    const reader = new FrameReader(Math.max(NONCE_BYTES, PROOF_BYTES));
    let meeting: Meeting | null = null;
    let isAdmitted = false;
    const letIn = limitHandshake(socket, options.patienceMs);
    const onFrame = (frame: Buffer): void => {
      if (isAdmitted) return void session.serve(messageIn(frame) as BridgeRequest);
      if (meeting === null) {
        meeting = meet(socket, frame, options.secret);
        return sendFrame(socket, Buffer.concat([meeting.owner, proofBy("owner", meeting)]));
      }
      if (isProofBy("worker", meeting, frame)) {
        isAdmitted = true;
        reader.maxBytes = MAX_REQUEST_BYTES;
        letIn();
        return sendMessage(socket, { id: 0, rows: [] });
      }
      const refusal = { message: "the secret is wrong", code: WRONG_SECRET };
      sendMessage(socket, { id: 0, error: errorFields(refusal) });
      socket.destroySoon();
    };
    socket.on("data", (chunk) => {
      try {
        reader.take(chunk, onFrame);
      } catch {
        socket.destroy();
      }
    });
    // It closes afterwards, which is all that there is to know.
    socket.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    connections.set(
      socket,
      closed.then(async () => {
        await session.end();
        connections.delete(socket);
      }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, BRIDGE_HOST, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      const ends = [...connections.values()];
      for (const socket of connections.keys()) socket.destroy();
      await Promise.all(ends);
      await stopped;
    },
  };
}
