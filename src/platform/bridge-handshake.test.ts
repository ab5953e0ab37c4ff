import { setTimeout as sleep } from "node:timers/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type BridgedDatabase, openBridgedDatabase } from "#test/bridge-backend.ts";
import { newNonce, NONCE_BYTES, PROOF_BYTES, proofBy } from "./bridge-handshake.ts";
import { FrameReader, messageIn, sendFrame } from "./bridge-protocol.ts";
import { openBridged } from "./bridged-database.ts";

/** Neither end of a bridge tells a stranger anything, and nobody who merely has the port learns what would let him in. */

let test: BridgedDatabase;
const closing: (() => void)[] = [];
const patienceMs = 1_000;
beforeEach(async () => {
  test = await openBridgedDatabase({ patienceMs });
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await test.drop();
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const wrongSecret = { code: "28P01" };

/** Whoever has taken the port that a worker is told, what he is told there, and how he answers the first thing. */
async function impostor(answer: (socket: Socket, frame: Buffer) => void) {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    const reader = new FrameReader(1_024);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) =>
      reader.take(chunk, (frame) => {
        heard.push(frame);
        answer(socket, frame);
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return { port: portOf(server), heard };
}

/** A connection to the bridge by someone who follows no rules; resolves with what he was told, once he is cut off. */
function stranger(say: (socket: Socket, frame: Buffer | null) => void): Promise<Buffer[]> {
  return new Promise((resolve) => {
    const told: Buffer[] = [];
    const socket = connect(test.port(), "127.0.0.1");
    const reader = new FrameReader(65_536);
    socket.on("connect", () => say(socket, null));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(told));
    socket.on("data", (chunk) =>
      reader.take(chunk, (frame) => {
        told.push(frame);
        say(socket, frame);
      }),
    );
  });
}

/** Says something at a time, at pauses far below the other's patience, in more time than that in all. */
function trickle(socket: Socket, length: number): void {
  const frame = Buffer.alloc(4 + length);
  frame.writeUInt32BE(length);
  const bytes = frame.values();
  const timer = setInterval(() => {
    const { value } = bytes.next();
    if (value !== undefined) socket.write(Uint8Array.of(value));
  }, 50);
  socket.on("close", () => clearInterval(timer));
}

it("a worker waits no longer for one who keeps saying a little than for one who says nothing", async () => {
  for (const answer of [(socket: Socket) => trickle(socket, NONCE_BYTES + PROOF_BYTES), () => {}]) {
    const { port } = await impostor(answer);
    await expect(openBridged({ port, secret: test.secret, patienceMs })).rejects.toMatchObject({
      code: "ECONNRESET",
    });
  }
});

it("the control plane waits no longer for one who keeps saying a little than for one who says nothing", async () => {
  for (const say of [(socket: Socket) => trickle(socket, NONCE_BYTES), () => {}])
    expect(await stranger((socket, frame) => frame === null && say(socket))).toEqual([]);
});

it("who has been let in may be silent for as long as he likes", async () => {
  const worker = await openBridged({ port: test.port(), secret: test.secret, patienceMs });
  await sleep(2 * patienceMs);
  expect(await worker.query("select 1 as one")).toEqual([{ one: 1 }]);
  await worker.close();
});

it("a worker tells nobody more than a random number who cannot prove himself", async () => {
  const guesses: readonly ((socket: Socket, frame: Buffer) => void)[] = [
    (socket) => sendFrame(socket, Buffer.alloc(NONCE_BYTES + PROOF_BYTES)),
    // What he was told, given back.
    (socket, frame) => sendFrame(socket, Buffer.concat([frame, frame])),
    (socket, worker) => {
      const owner = newNonce();
      const meeting = { secret: "a guess", port: test.port(), worker, owner };
      sendFrame(socket, Buffer.concat([owner, proofBy("owner", meeting)]));
    },
    (socket) => sendFrame(socket, Buffer.alloc(0)),
  ];
  for (const guess of guesses) {
    const { port, heard } = await impostor(guess);
    await expect(openBridged({ port, secret: test.secret })).rejects.toMatchObject(wrongSecret);
    expect(heard.map(({ length }) => length)).toEqual([NONCE_BYTES]);
  }
});

it("a worker is not fooled by one who asks the control plane at its own port", async () => {
  const between = await impostor((socket, frame) => {
    void stranger((owner, told) => {
      if (told === null) sendFrame(owner, frame);
      else sendFrame(socket, told);
    });
  });
  await expect(openBridged({ port: between.port, secret: test.secret })).rejects.toMatchObject(
    wrongSecret,
  );
  expect(between.heard).toHaveLength(1);
});

it("a worker gives up on one who says too much", async () => {
  const { port, heard } = await impostor((socket) => sendFrame(socket, Buffer.alloc(1_000)));
  await expect(openBridged({ port, secret: test.secret })).rejects.toMatchObject({
    code: "ECONNRESET",
  });
  expect(heard).toHaveLength(1);
});

it("a worker with another secret goes away by itself", async () => {
  await expect(openBridged({ port: test.port(), secret: "a wrong one" })).rejects.toMatchObject({
    message: `whoever listens at port ${test.port()} does not have the secret`,
    ...wrongSecret,
  });
});

it("the control plane refuses who proves nothing, or gives back its own proof", async () => {
  const proofs: readonly ((greeting: Buffer) => Uint8Array)[] = [
    () => Buffer.alloc(PROOF_BYTES),
    (greeting) => greeting.subarray(NONCE_BYTES),
    () => Buffer.from("short"),
  ];
  for (const proof of proofs) {
    const told = await stranger((socket, frame) => {
      if (frame === null) sendFrame(socket, newNonce());
      else if (frame.length === NONCE_BYTES + PROOF_BYTES) sendFrame(socket, proof(frame));
    });
    expect(told).toHaveLength(2);
    expect(messageIn(told[1]!)).toMatchObject({ id: 0, error: wrongSecret });
  }
});

it("the control plane cuts off without a word who begins otherwise", async () => {
  const begin: readonly ((socket: Socket) => void)[] = [
    (socket) => socket.write("GET / HTTP/1.1\r\n\r\n"),
    (socket) => sendFrame(socket, Buffer.from("a token")),
  ];
  for (const say of begin) expect(await stranger(say)).toEqual([]);
});
