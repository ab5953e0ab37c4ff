import type { BmcPort, BmcRef, Connected, ReadOptions, WriteOptions } from "#drivers/ports.ts";
import { originOf } from "./address.ts";
import { clearBootOverride, setBootOnceCd } from "./boot.ts";
import { readErase } from "./erase-progress.ts";
import { eraseOffer, startErase } from "./erase.ts";
import { identify } from "./identity.ts";
import { setIndicator } from "./indicator.ts";
import { readInventory } from "./inventory/inventory.ts";
import { readManagers, readHost, serviceVendor } from "./machine.ts";
import { ejectMedia, insertMedia, readMedia } from "./media.ts";
import { defaultTimeouts, type RedfishOptions, type Timeouts } from "./options.ts";
import { setPower } from "./power.ts";
import { resetBmc } from "./reset-bmc.ts";
import { readState } from "./state.ts";
import { BoundedMap } from "./wire/bounded-map.ts";
import { Conversation } from "./wire/conversation.ts";
import { emptyMemory, type Memory } from "./wire/memory.ts";
import type { BmcSession } from "./wire/session-store.ts";
import { createSessions } from "./wire/sessions.ts";

const maxRemembered = 10_000;

const useOf = (bmc: string, account: BmcRef["credentials"]): string => `${bmc} ${account}`;

/** BMCs whose sessions are ended at the same time, so that two thousand of them do not take two thousand sockets. */
const endingAtOnce = 50;

/**
 * The Redfish driver: one conversation per verb, each with one connection at a time, under the gate. Sessions
 * outlive verbs and are ended when they were idle for a while, by whichever process notices first: also those
 * of a process that died.
 */
export const createRedfish = (options: RedfishOptions): BmcPort & { close(): Promise<void> } => {
  const timeouts: Timeouts = { ...defaultTimeouts, ...options.timeouts };
  const { clock, log, sessions: store } = options;
  const sessions = createSessions({ store, clock, log, most: maxRemembered });
  const memories = new BoundedMap<Memory>(maxRemembered);
  /** Where this process may have a session to end; one that is forgotten here is ended when it was idle. */
  const used = new BoundedMap<BmcRef>(maxRemembered);
  const closing = new AbortController();

  const memoryOf = (bmc: BmcRef): Memory => {
    const { name } = originOf(bmc.address);
    const known = memories.get(name);
    if (known !== undefined) return known;
    const memory = emptyMemory();
    memories.set(name, memory);
    return memory;
  };

  const begin = (bmc: BmcRef, call: ReadOptions & { readonly key?: string }): Conversation =>
    new Conversation({
      driver: options,
      timeouts,
      sessions,
      memory: memoryOf(bmc),
      bmc,
      signal: call.signal,
      key: call.key ?? null,
    });

  const during = async <T>(
    bmc: BmcRef,
    call: ReadOptions & { readonly key?: string },
    work: (talk: Conversation) => Promise<T>,
  ): Promise<T> => {
    const talk = begin(bmc, call);
    const { name } = talk.origin;
    used.set(useOf(name, bmc.credentials), bmc);
    try {
      return await work(talk);
    } finally {
      await talk.close();
      if (talk.auth === "session") used.set(useOf(name, bmc.credentials), bmc);
      else await forgetUnlessHeld(name, bmc);
    }
  };

  /** A registration that failed has left no session. Never throws: what is kept in vain is bounded. */
  const forgetUnlessHeld = async (name: string, { credentials }: BmcRef): Promise<void> => {
    const session = await store.find(name, credentials).catch(() => undefined);
    if (session === null) used.delete(useOf(name, credentials));
  };

  /** Ends a session that nobody uses any more. Never throws: what cannot be ended times out at the BMC. */
  const endAlone = async (session: BmcSession): Promise<void> => {
    const signal = AbortSignal.timeout(timeouts.connectMs);
    const bmc = { address: session.bmc, credentials: session.account, tls: session.tls };
    const talk = begin(bmc, { signal });
    try {
      await talk.endSession(session);
    } catch (error) {
      log("warn", "bmc.logout-failed", { bmc: session.bmc, error: String(error) });
    } finally {
      await talk.close();
    }
  };

  /** Ends the sessions last used before a time. */
  const endIdle = async (beforeMs: number): Promise<void> => {
    const left = [...(await store.takeIdle(beforeMs))];
    for (const { bmc, account } of left) used.delete(useOf(bmc, account));
    while (left.length > 0) await Promise.all(left.splice(0, endingAtOnce).map(endAlone));
  };

  const sweep = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        await clock.sleep(timeouts.idleSessionMs / 2, closing.signal);
        await endIdle(clock.now() - timeouts.idleSessionMs);
      } catch (error) {
        if (closing.signal.aborted) return;
        log("warn", "bmc.session-sweep-failed", { error: String(error) });
      }
    }
  };
  const sweeping = sweep();

  const disconnect = async (bmc: BmcRef): Promise<void> => {
    const { name } = originOf(bmc.address);
    used.delete(useOf(name, bmc.credentials));
    const session = await store.find(name, bmc.credentials);
    if (session !== null && (await store.forget(session))) await endAlone(session);
  };

  return {
    connect: (bmc, call: ReadOptions): Promise<Connected> =>
      during(bmc, call, async (talk) => {
        const root = await talk.root(true);
        talk.memory.hostPath = null;
        // The root is open to all; only an authenticated read proves the credentials.
        const host = await readHost(talk);
        const [manager] = root.vendor === null ? await readManagers(talk, host) : [];
        return {
          fingerprint256: talk.fingerprint256 ?? "",
          redfishVersion: root.redfishVersion,
          vendor: serviceVendor(root.vendor, host.system, manager?.facts ?? null),
          auth: talk.auth,
        };
      }),
    identify: (bmc, call) => during(bmc, call, identify),
    readInventory: (bmc, call) => during(bmc, call, readInventory),
    readState: (bmc, call) => during(bmc, call, readState),
    setPower: (bmc, intent, call) => during(bmc, call, (talk) => setPower(talk, intent)),
    resetBmc: (bmc, call) => during(bmc, call, resetBmc),
    setIndicator: (bmc, on, call) => during(bmc, call, (talk) => setIndicator(talk, on)),
    readMedia: (bmc, urls, call) => during(bmc, call, (talk) => readMedia(talk, urls)),
    insertMedia: (bmc, media, call: WriteOptions) =>
      during(bmc, call, (talk) => insertMedia(talk, media)),
    ejectMedia: (bmc, url, call) => during(bmc, call, (talk) => ejectMedia(talk, url)),
    setBootOnceCd: (bmc, call) => during(bmc, call, setBootOnceCd),
    clearBootOverride: (bmc, call) => during(bmc, call, clearBootOverride),
    eraseOffer: (bmc, call) => during(bmc, call, eraseOffer),
    startErase: (bmc, since, call) => during(bmc, call, (talk) => startErase(talk, since)),
    readErase: (bmc, targets, call) => during(bmc, call, (talk) => readErase(talk, targets)),
    disconnect,
    async close() {
      closing.abort();
      await sweeping;
      const left = [...used.values()];
      const end = (bmc: BmcRef): Promise<void> =>
        disconnect(bmc).catch((error: unknown) => {
          log("warn", "bmc.logout-failed", { bmc: bmc.address, error: String(error) });
        });
      while (left.length > 0) await Promise.all(left.splice(0, endingAtOnce).map(end));
      // Where nobody else can use them, those of a process that died before us must not wait for the next one.
      if (options.sharesSessions) return;
      await endIdle(clock.now() + 1);
    },
  };
};
