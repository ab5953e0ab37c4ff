import type { Behaviour, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { kindOfObject } from "#lab/kubernetes/kinds/kind.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import type { Change } from "#lab/kubernetes/store/change.ts";
import { warnOf } from "#lab/kubernetes/warning.ts";
import { keyOf } from "#lab/kubernetes/writes/writer.ts";
import { clusterClient } from "./client.ts";
import type { ClientPorts } from "./client.ts";
import { DueQueue } from "./due-queue.ts";

/** One operator at work: what it plays, and its hands. */
interface Worker {
  readonly behaviour: Behaviour;
  readonly client: ClusterClient;
}

interface Look {
  readonly worker: Worker;
  readonly key: ObjectKey;
}

export interface OperatorPorts extends ClientPorts {
  readonly behaviours: readonly Behaviour[];
}

/** How long one turn may keep the API server from answering. */
const longestTurnMs = 10;

/** An operator whose look has failed looks again after so much life. */
export const backOffMs = 60_000;

/** A timer of Node must not wait longer than this; a longer wait is cut in pieces. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Lets the operators look at their objects: after changes of what they watch, when the time that they asked for has come,
 * and at all objects at start. An object that waits to be looked at waits once, however often it changes.
 */
export class Operators {
  readonly #ports: OperatorPorts;
  readonly #workers: readonly Worker[];
  readonly #waiting = new Map<string, Look>();
  readonly #due = new DueQueue();
  readonly #dueLooks = new Map<string, Look>();
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #forget: (() => void)[] = [];

  constructor(ports: OperatorPorts) {
    this.#ports = ports;
    this.#workers = ports.behaviours.map((behaviour) => ({
      behaviour,
      client: clusterClient(ports, behaviour.manager),
    }));
  }

  start(): void {
    const { store } = this.#ports;
    this.#forget = [
      store.onChange((change) => this.#changed(change)),
      store.onReset(() => this.#lookAtAll()),
    ];
    this.#lookAtAll();
  }

  /** What operators wanted to look at is looked at when they are started again. */
  close(): void {
    for (const forget of this.#forget) forget();
    clearImmediate(this.#turn);
    clearTimeout(this.#timer);
  }

  #lookAtAll(): void {
    for (const worker of this.#workers)
      for (const kind of worker.behaviour.reconciles)
        for (const { metadata } of this.#ports.store.list(kind))
          this.#wait({ worker, key: keyOf(kind, metadata) });
  }

  #changed({ object, previous }: Change): void {
    const kind = kindOfObject(object);
    for (const worker of this.#workers) {
      const { behaviour, client } = worker;
      for (const watch of behaviour.watches) {
        if (watch.kind !== kind) continue;
        for (const state of previous === null ? [object] : [object, previous])
          for (const key of watch.toKeys?.(state, client) ?? [keyOf(kind, state.metadata)])
            this.#wait({ worker, key });
      }
    }
  }

  #wait(look: Look): void {
    this.#waiting.set(nameOf(look), look);
    this.#turn ??= setImmediate(() => this.#work());
  }

  #work(): void {
    this.#turn = undefined;
    const until = performance.now() + longestTurnMs;
    for (const [name, look] of this.#waiting) {
      if (performance.now() > until) break;
      this.#waiting.delete(name);
      this.#look(name, look);
    }
    if (this.#waiting.size > 0) this.#turn ??= setImmediate(() => this.#work());
    this.#arm();
  }

  #look(name: string, look: Look): void {
    const { worker, key } = look;
    this.#due.clear(name);
    this.#dueLooks.delete(name);
    const object = this.#ports.store.get(key);
    if (object === undefined || !worker.behaviour.reconciles.includes(key.kind)) return;
    const afterMs = this.#reconcile(worker, object);
    if (afterMs === null) return;
    this.#due.set(name, this.#ports.clock() + Math.max(0, afterMs) / this.#ports.speed);
    this.#dueLooks.set(name, look);
  }

  /** An operator that fails must not take the API server with it. */
  #reconcile({ behaviour, client }: Worker, object: KubeObject): number | null {
    try {
      return behaviour.reconcile(object, client);
    } catch (error) {
      const { namespace = "", name } = object.metadata;
      warnOf(`${behaviour.manager} failed at ${object.kind} ${namespace}/${name}`, error);
      return backOffMs;
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#due.next();
    if (next === undefined) return;
    const waitMs = Math.min(Math.max(0, next - this.#ports.clock()), longestTimerMs);
    this.#timer = setTimeout(() => this.#ring(), waitMs);
  }

  #ring(): void {
    const now = this.#ports.clock();
    for (let name = this.#due.take(now); name !== undefined; name = this.#due.take(now)) {
      const look = this.#dueLooks.get(name);
      if (look !== undefined) this.#wait(look);
    }
    this.#arm();
  }
}

function nameOf({ worker, key }: Look): string {
  return `${worker.behaviour.manager} ${key.kind} ${key.namespace}/${key.name}`;
}
