import { connect, type Socket } from "node:net";
import type { Database, Param, Query } from "./database.ts";
import { DatabaseError, DatabaseLink, type DatabaseReply } from "./database-link.ts";
import {
  BRIDGE_HOST,
  type BridgeRequest,
  FrameReader,
  messageIn,
  type Numbered,
  sendFrame,
  sendMessage,
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

/** What a reply may be at most, bytes: as much as fits a frame's length. */
const MAX_REPLY_BYTES = 0xffff_ffff;
const RELISTEN_MS = 1_000;

/** What the other end took for this connection lives as long as it does. */
interface Connection {
  readonly link: DatabaseLink<BridgeRequest>;
  readonly socket: Socket;
}

interface ConnectionOptions {
  readonly port: number;
  readonly secret: string;
  readonly patienceMs: number | undefined;
  readonly onNotice: (channel: string, payload: string) => void;
  readonly onLost: () => void;
}

/** With a system's code, by which it is told from a refusal. */
const lostConnection = (): Error =>
  Object.assign(new Error("the connection to the database's process was lost"), {
    code: "ECONNRESET",
  });

const stranger = (port: number): DatabaseError =>
  new DatabaseError({
    message: `whoever listens at port ${port} does not have the secret`,
    code: WRONG_SECRET,
    constraint: null,
    detail: null,
  });

/** Resolves when each end has proven itself to the other. */
function openConnection({
  port,
  secret,
  patienceMs,
  onNotice,
  onLost,
}: ConnectionOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, BRIDGE_HOST);
    socket.setNoDelay(true);
    const link = new DatabaseLink<BridgeRequest>({
      send: (request) => sendMessage(socket, request),
      onNotice,
    });
    const reader = new FrameReader(NONCE_BYTES + PROOF_BYTES);
    const nonce = newNonce();
    let isTrusted = false;
    let isAdmitted = false;
    const letIn = limitHandshake(socket, patienceMs);
    socket.on("connect", () => sendFrame(socket, nonce));
    const onFrame = (frame: Buffer): void => {
      if (!isTrusted) {
        const owner = frame.subarray(0, NONCE_BYTES);
        const meeting: Meeting = { secret, port, worker: nonce, owner };
        if (!isProofBy("owner", meeting, frame.subarray(NONCE_BYTES))) {
          reject(stranger(port));
          socket.destroy();
          return;
        }
        isTrusted = true;
        reader.maxBytes = MAX_REPLY_BYTES;
        return sendFrame(socket, proofBy("worker", meeting));
      }
      const reply = messageIn(frame) as DatabaseReply;
      if (isAdmitted) return link.take(reply);
      if ("error" in reply) return reject(new DatabaseError(reply.error));
      isAdmitted = true;
      letIn();
      return resolve({ link, socket });
    };
    socket.on("data", (chunk) => {
      try {
        reader.take(chunk, onFrame);
      } catch {
        socket.destroy();
      }
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const error = lostConnection();
      reject(error);
      link.lose(error);
      if (isAdmitted) onLost();
    });
  });
}

/**
 * The database of another process of this machine, through its bridge (bridge.ts). A connection that is lost comes back
 * with the next question; what was in the air is rejected like a server's connection that was lost. Throws when nobody
 * is there, or whoever is there has another secret (SQLSTATE 28P01).
 */
export async function openBridged({
  port,
  secret,
  patienceMs,
}: {
  readonly port: number;
  readonly secret: string;
  /** How long connecting and the proofs may take together, ms. */
  readonly patienceMs?: number;
}): Promise<Database> {
  const listeners = new Map<string, Set<(payload: string) => void>>();
  let connection: Promise<Connection> | null = null;
  let closed = false;

  const tell = (channel: string, payload: string): void => {
    for (const listener of listeners.get(channel) ?? []) listener(payload);
  };

  const connected = (): Promise<Connection> => {
    if (closed) return Promise.reject(new Error("the database was closed"));
    if (connection === null) {
      const made = openConnection({
        port,
        secret,
        patienceMs,
        onNotice: tell,
        onLost: () => lost(made),
      });
      connection = made;
      made.catch(() => {
        if (connection === made) connection = null;
      });
    }
    return connection;
  };

  function lost(gone: Promise<Connection>): void {
    if (connection === gone) connection = null;
    if (!closed && listeners.size > 0) void relisten();
  }

  async function relisten(): Promise<void> {
    while (!closed) {
      try {
        const { link } = await connected();
        for (const channel of listeners.keys()) await link.ask({ do: "listen", channel });
        // Something may have been said while nobody listened.
        for (const channel of listeners.keys()) tell(channel, "");
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RELISTEN_MS));
      }
    }
  }

  const queryOf =
    ({ link }: Pick<Connection, "link">, transaction: number | null): Query =>
    async <Row extends object>(sql: string, params: readonly Param[] = []) =>
      (await link.ask({ do: "query", sql, params, transaction })) as Row[];

  await connected();
  return {
    kind: "pglite",
    shared: true,
    async query<Row extends object>(sql: string, params: readonly Param[] = []) {
      return queryOf(await connected(), null)<Row>(sql, params);
    },
    async transaction(work) {
      const on = await connected();
      const [begun] = (await on.link.ask({ do: "begin" })) as Numbered[];
      if (begun === undefined) throw lostConnection();
      const transaction = begun.number;
      try {
        const result = await work(queryOf(on, transaction));
        await on.link.ask({ do: "end", transaction, keep: true });
        return result;
      } catch (error) {
        // A connection that was lost has taken everything back with it, and a commit that failed too.
        await on.link.ask({ do: "end", transaction, keep: false }).catch(() => undefined);
        throw error;
      }
    },
    async script(sql) {
      const { link } = await connected();
      await link.ask({ do: "script", sql });
    },
    async listen(channel, onNotify) {
      const known = listeners.get(channel);
      if (known === undefined) {
        listeners.set(channel, new Set([onNotify]));
        const { link } = await connected();
        await link.ask({ do: "listen", channel });
      } else {
        known.add(onNotify);
      }
      return async () => {
        listeners.get(channel)?.delete(onNotify);
      };
    },
    async tryLock(name) {
      const { link } = await connected();
      const [taken] = (await link.ask({ do: "lock", name })) as Numbered[];
      if (taken === undefined) return null;
      return async () => {
        // A connection that was lost has let go of it already.
        await link.ask({ do: "unlock", lock: taken.number }).catch(() => undefined);
      };
    },
    async close() {
      closed = true;
      const open = await connection?.catch(() => null);
      open?.socket.destroySoon();
    },
  };
}
