import type { Command } from "./command.ts";
import { execute } from "./command.ts";
import { advance, nextDueAt } from "./advance.ts";
import { EffectLog } from "./effects.ts";
import type { Journal } from "./journal.ts";
import type { Callback, Machine, Rules, Step } from "./machine.ts";
import type { Outcome } from "./outcome.ts";
import { mediaRead } from "./phases.ts";
import type { MediaFinding } from "./phases.ts";

/** What a machine does outside itself, over the network. */
export interface Network {
  /** Reads the images in the machine's slots. Never throws: what cannot be read is a finding. */
  readMedia(machine: Machine): Promise<readonly MediaFinding[]>;
  /** Delivers an installer's message. True when the receiver took it. Never throws. */
  deliver(callback: Callback): Promise<boolean>;
}

export interface WorldPorts {
  readonly clock: () => number;
  readonly journal: Journal;
  readonly network: Network;
  /** Waits before message number `attempts + 1` is sent again. */
  readonly callbackDelayMs: (attempts: number) => number;
}

/** An installer that nobody listens to gives up after this many tries. */
const callbackAttempts = 5;

/** A timer of Node must not wait longer than this; a longer wait is cut in pieces. */
const longestTimerMs = 2 ** 31 - 1;

interface Inhabitant {
  machine: Machine;
  readonly rules: Rules;
  timer: NodeJS.Timeout | undefined;
  isReadingMedia: boolean;
  isDelivering: boolean;
}

/**
 * All machines of the lab. It owns the one place where a machine is replaced by its next state: there the
 * effects are logged, the journal is written, and the timer for the next change is set. Machines at rest cost no timer.
 */
export class World {
  readonly effects: EffectLog;
  readonly #ports: WorldPorts;
  readonly #inhabitants = new Map<string, Inhabitant>();
  #isClosed = false;

  constructor(ports: WorldPorts) {
    this.#ports = ports;
    this.effects = new EffectLog(ports.journal.remembered.effects);
  }

  /** Takes a machine in, in the state in which the journal left it if it has one. */
  add(fresh: Machine, rules: Rules): void {
    const remembered = this.#ports.journal.remembered.machines.get(fresh.name);
    const machine = remembered ?? fresh;
    const inhabitant: Inhabitant = {
      machine,
      rules,
      timer: undefined,
      isReadingMedia: false,
      isDelivering: false,
    };
    this.#inhabitants.set(fresh.name, inhabitant);
    if (remembered === undefined) this.#ports.journal.saveMachine(machine);
    this.#settle(inhabitant);
  }

  has(name: string): boolean {
    return this.#inhabitants.has(name);
  }

  /** The machine as it is now. */
  machine(name: string): Machine {
    const inhabitant = this.#find(name);
    this.#settle(inhabitant);
    return inhabitant.machine;
  }

  *machines(): Iterable<Machine> {
    for (const name of this.#inhabitants.keys()) yield this.machine(name);
  }

  /** @param key the caller's idempotency key, noted in the effects. */
  command(name: string, command: Command, key?: string): Outcome {
    const inhabitant = this.#find(name);
    this.#settle(inhabitant);
    const done = execute(inhabitant.machine, command, this.#ports.clock(), inhabitant.rules);
    this.#replace(inhabitant, done, key);
    return done.outcome;
  }

  /** Logs a change of something that is no part of a machine, such as its BMC's certificate or a Kubernetes object. */
  note(
    target: string,
    action: string,
    detail: Readonly<Record<string, unknown>>,
    key?: string,
  ): void {
    this.#log(target, { at: this.#ports.clock(), action, detail }, key);
  }

  /** Stops all timers. What is under way goes on when a world is made from the same journal. */
  close(): void {
    this.#isClosed = true;
    for (const inhabitant of this.#inhabitants.values()) clearTimeout(inhabitant.timer);
  }

  #find(name: string): Inhabitant {
    const inhabitant = this.#inhabitants.get(name);
    if (inhabitant === undefined) throw new Error(`there is no machine called ${name}`);
    return inhabitant;
  }

  #settle(inhabitant: Inhabitant): void {
    const now = this.#ports.clock();
    this.#replace(inhabitant, advance(inhabitant.machine, now, inhabitant.rules), undefined);
  }

  #replace(inhabitant: Inhabitant, step: Step, key: string | undefined): void {
    const hasChanged = step.machine !== inhabitant.machine;
    inhabitant.machine = step.machine;
    if (hasChanged) this.#ports.journal.saveMachine(step.machine);
    for (const change of step.changes) this.#log(step.machine.name, change, key);
    if (this.#isClosed) return;
    if (hasChanged || inhabitant.timer === undefined) this.#arm(inhabitant);
    if (step.machine.phase.kind === "reading-media") void this.#readMedia(inhabitant);
    if (step.machine.outbox.length > 0) void this.#deliver(inhabitant);
  }

  #log(target: string, change: Step["changes"][number], key: string | undefined): void {
    this.#ports.journal.saveEffect(this.effects.add(target, change, key));
  }

  #arm(inhabitant: Inhabitant): void {
    clearTimeout(inhabitant.timer);
    inhabitant.timer = undefined;
    const due = nextDueAt(inhabitant.machine, inhabitant.rules);
    if (due === null) return;
    const waitMs = Math.min(Math.max(0, due - this.#ports.clock()), longestTimerMs);
    inhabitant.timer = setTimeout(() => {
      inhabitant.timer = undefined;
      this.#settle(inhabitant);
    }, waitMs);
  }

  async #readMedia(inhabitant: Inhabitant): Promise<void> {
    if (inhabitant.isReadingMedia) return;
    inhabitant.isReadingMedia = true;
    const { phaseSince } = inhabitant.machine;
    const findings = await this.#ports.network.readMedia(inhabitant.machine);
    inhabitant.isReadingMedia = false;
    if (this.#isClosed) return;
    // The machine may have been restarted meanwhile and be reading again: those findings are not this boot's.
    if (inhabitant.machine.phaseSince !== phaseSince) return this.#settle(inhabitant);
    const now = this.#ports.clock();
    this.#replace(
      inhabitant,
      mediaRead(inhabitant.machine, findings, now, inhabitant.rules),
      undefined,
    );
  }

  async #deliver(inhabitant: Inhabitant): Promise<void> {
    if (inhabitant.isDelivering) return;
    inhabitant.isDelivering = true;
    for (;;) {
      const callback = inhabitant.machine.outbox[0];
      if (callback === undefined || this.#isClosed) break;
      const wasTaken = await this.#ports.network.deliver(callback);
      if (this.#isClosed) break;
      const attempts = callback.attempts + 1;
      const isOver = wasTaken || attempts >= callbackAttempts;
      const [, ...rest] = inhabitant.machine.outbox;
      const outbox = isOver ? rest : [{ ...callback, attempts }, ...rest];
      const action = wasTaken ? "callback-delivered" : "callback-given-up";
      const detail = { status: callback.body.status };
      const changes = isOver ? [{ at: this.#ports.clock(), action, detail }] : [];
      this.#replace(inhabitant, { machine: { ...inhabitant.machine, outbox }, changes }, undefined);
      if (!isOver)
        await new Promise((resolve) => setTimeout(resolve, this.#ports.callbackDelayMs(attempts)));
    }
    inhabitant.isDelivering = false;
  }
}
