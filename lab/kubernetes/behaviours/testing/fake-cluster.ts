import { isDeepStrictEqual } from "node:util";
import type { KindName, KubeObject, ObjectKey, ObjectMeta } from "#lab/kubernetes/object.ts";
import type {
  Admission,
  AdmissionWrite,
  Behaviour,
  ClusterClient,
  NewObject,
} from "#lab/kubernetes/behaviours/behaviour.ts";

/** More turns than this at one moment mean that operators answer each other's writes for ever. */
const turnsAtOnce = 20_000;

export interface FakeEffect {
  readonly target: string;
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

interface FakeEvent {
  readonly about: string;
  readonly reason: string;
  readonly message: string;
}

/** A client's write that an admission webhook refused. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: "Invalid" | "Forbidden";
  readonly field: string | undefined;

  constructor(refused: Extract<Admission, { kind: "refused" }>) {
    super(refused.message);
    this.reason = refused.reason;
    this.field = refused.field;
  }
}

/**
 * Hosts behaviours without an API server, on a clock that only `advance` moves. It keeps what operators rely on: one
 * sequence of resourceVersions, generations, finalizers, admission, watches, memories, and wake-ups in ms of life. It
 * checks no schema and collects no garbage.
 */
export class FakeCluster {
  /** Every version that was ever stored, oldest first. */
  readonly history: KubeObject[] = [];
  readonly effects: FakeEffect[] = [];
  readonly events: FakeEvent[] = [];
  readonly #behaviours: readonly Behaviour[];
  readonly #objects = new Map<string, KubeObject>();
  readonly #memories = new Map<string, unknown>();
  /** Turns that are due now, in order. */
  readonly #due = new Map<string, Turn>();
  /** Wake-ups: at most one for each behaviour and object. */
  readonly #wakes = new Map<string, Turn & { readonly at: number }>();
  #now: number;
  #version = 0;

  constructor(behaviours: readonly Behaviour[], now = Date.UTC(2026, 0, 1)) {
    this.#behaviours = behaviours;
    this.#now = now;
  }

  get now(): number {
    return this.#now;
  }

  /** Creates as a client would: admission first. Throws a `Refusal`. */
  create(object: NewObject): KubeObject {
    const admitted = this.#admit("create", this.#born(object), null);
    return this.#insert(admitted);
  }

  /** Changes spec and metadata as a client would. Throws a `Refusal`, or an error when the object is missing. */
  update(key: ObjectKey, change: (object: KubeObject) => KubeObject): KubeObject {
    const old = this.expect(key);
    return this.#replace(key, this.#admit("update", change(old), old));
  }

  /** Writes a status that the behaviours under test only read (another operator's). */
  setStatus(key: ObjectKey, status: object): KubeObject {
    const old = this.expect(key);
    return this.#store({ ...old, status });
  }

  /** Deletes as a client would. Throws a `Refusal`. */
  delete(key: ObjectKey): void {
    const old = this.get(key);
    if (old === undefined) return;
    this.#admit("delete", old, old);
    this.#remove(key);
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#objects.get(nameOf(key));
  }

  expect(key: ObjectKey): KubeObject {
    const object = this.get(key);
    if (object === undefined) throw new Error(`${nameOf(key)} does not exist`);
    return object;
  }

  list(
    kind: KindName,
    filter: {
      readonly namespace?: string;
      readonly labels?: Readonly<Record<string, string>>;
    } = {},
  ): readonly KubeObject[] {
    return [...this.#objects.values()].filter(
      (object) =>
        kindOf(object) === kind &&
        (filter.namespace === undefined || object.metadata.namespace === filter.namespace) &&
        Object.entries(filter.labels ?? {}).every(
          ([name, value]) => object.metadata.labels?.[name] === value,
        ),
    );
  }

  all(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  /** Lets the operators do what is due now. */
  settle(): void {
    this.advance(0);
  }

  /** Lets `ms` of life pass, with every wake-up at its time. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      this.#work();
      const next = [...this.#wakes.values()].reduce<(Turn & { at: number }) | null>(
        (first, wake) => (first === null || wake.at < first.at ? wake : first),
        null,
      );
      if (next === null || next.at > until) break;
      this.#now = Math.max(this.#now, next.at);
      this.#wakes.delete(next.id);
      this.#due.set(next.id, next);
    }
    this.#now = until;
  }

  /** Advances second by second until `holds`; throws when it does not within `limitMs` of life. */
  advanceUntil(holds: () => boolean, limitMs: number): number {
    const from = this.#now;
    this.settle();
    while (!holds()) {
      if (this.#now - from >= limitMs) {
        throw new Error(`not reached within ${limitMs / 1000} s of life`);
      }
      this.advance(1000);
    }
    return this.#now - from;
  }

  #work(): void {
    let turns = 0;
    for (;;) {
      const next = this.#due.values().next().value;
      if (next === undefined) return;
      turns += 1;
      if (turns > turnsAtOnce) throw new Error(`no end of turns, the last one of ${next.id}`);
      this.#due.delete(next.id);
      const object = this.get(next.key);
      if (object === undefined) continue;
      const again = next.behaviour.reconcile(object, this.#clientOf());
      if (again === null) this.#wakes.delete(next.id);
      else this.#wakes.set(next.id, { ...next, at: this.#now + Math.max(1, again) });
    }
  }

  #clientOf(): ClusterClient {
    return {
      now: () => this.#now,
      speed: 1,
      get: (key) => this.get(key),
      list: (kind, filter) => this.list(kind, filter),
      create: (object) => {
        const born = this.#born(object);
        return this.get(keyOf(born)) ?? this.#insert(born);
      },
      update: (key, change) => {
        const old = this.get(key);
        return old === undefined ? undefined : this.#replace(key, change(old));
      },
      updateStatus: (key, status) => {
        const old = this.get(key);
        if (old === undefined) return undefined;
        const next = plain({ ...old, status });
        return isDeepStrictEqual(next, old) ? old : this.#store(next);
      },
      delete: (key) => this.#remove(key),
      event: (about, _type, reason, message) => {
        this.events.push({ about: about.metadata.name, reason, message });
      },
      memory: <Memory>(object: KubeObject) =>
        this.#memories.get(object.metadata.uid) as Memory | undefined,
      remember: (object, memory) => this.#memories.set(object.metadata.uid, plain(memory)),
      effect: (target, action, detail) => this.effects.push({ target, action, detail }),
    };
  }

  #admit(
    operation: AdmissionWrite["operation"],
    object: KubeObject,
    old: KubeObject | null,
  ): KubeObject {
    let admitted = object;
    for (const behaviour of this.#behaviours) {
      const answer = behaviour.admit?.({ operation, object: admitted, old }, this.#clientOf());
      if (answer === undefined) continue;
      if (answer.kind === "refused") throw new Refusal(answer);
      admitted = answer.object;
    }
    return admitted;
  }

  #born(object: NewObject): KubeObject {
    const { status: _status, ...rest } = object;
    return plain({
      ...rest,
      metadata: {
        ...(object.metadata as Partial<ObjectMeta>),
        name: object.metadata.name,
        uid: `00000000-0000-4000-8000-${String(this.#version + 1).padStart(12, "0")}`,
        resourceVersion: "0",
        generation: 1,
        creationTimestamp: this.#time(),
      },
    });
  }

  #insert(object: KubeObject): KubeObject {
    if (this.#objects.has(nameOf(keyOf(object)))) {
      throw new Error(`${nameOf(keyOf(object))} already exists`);
    }
    return this.#store(object);
  }

  #replace(key: ObjectKey, changed: KubeObject): KubeObject {
    const old = this.expect(key);
    const kept = {
      uid: old.metadata.uid,
      resourceVersion: old.metadata.resourceVersion,
      generation: old.metadata.generation ?? 1,
    };
    const next = plain({
      ...changed,
      ...("status" in old ? { status: old["status"] } : {}),
      metadata: { ...changed.metadata, ...kept },
    });
    if (isDeepStrictEqual(next, old)) return old;
    if (next.metadata.deletionTimestamp !== undefined && !hasFinalizers(next)) {
      return this.#drop(next);
    }
    const specChanged = !isDeepStrictEqual(withoutMeta(next), withoutMeta(old));
    return this.#store(
      specChanged
        ? { ...next, metadata: { ...next.metadata, generation: kept.generation + 1 } }
        : next,
    );
  }

  #remove(key: ObjectKey): void {
    const old = this.get(key);
    if (old === undefined || old.metadata.deletionTimestamp !== undefined) return;
    if (!hasFinalizers(old)) {
      this.#drop(old);
      return;
    }
    const metadata = {
      ...old.metadata,
      generation: (old.metadata.generation ?? 1) + 1,
      deletionTimestamp: this.#time(),
      deletionGracePeriodSeconds: 0,
    };
    this.#store({ ...old, metadata });
  }

  #drop(object: KubeObject): KubeObject {
    this.#objects.delete(nameOf(keyOf(object)));
    this.#memories.delete(object.metadata.uid);
    this.#notify(object);
    return object;
  }

  #store(object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    };
    this.#objects.set(nameOf(keyOf(stored)), stored);
    this.history.push(stored);
    this.#notify(stored);
    return stored;
  }

  #notify(object: KubeObject): void {
    for (const behaviour of this.#behaviours) {
      for (const watch of behaviour.watches) {
        if (watch.kind !== kindOf(object)) continue;
        const keys = watch.toKeys?.(object, this.#clientOf()) ?? [keyOf(object)];
        for (const key of keys) this.#enqueue(behaviour, key);
      }
    }
  }

  #enqueue(behaviour: Behaviour, key: ObjectKey): void {
    if (!behaviour.reconciles.includes(key.kind)) return;
    const id = `${behaviour.manager} ${nameOf(key)}`;
    if (!this.#due.has(id)) this.#due.set(id, { id, behaviour, key });
  }

  #time(): string {
    return new Date(this.#now).toISOString().replace(/\.\d+Z$/, "Z");
  }
}

interface Turn {
  readonly id: string;
  readonly behaviour: Behaviour;
  readonly key: ObjectKey;
}

/** What would be left of it on the wire: no `undefined`, nothing shared with the writer. */
function plain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

function hasFinalizers(object: KubeObject): boolean {
  return (object.metadata.finalizers?.length ?? 0) > 0;
}

function withoutMeta(object: KubeObject): object {
  const { metadata: _metadata, status: _status, ...rest } = object;
  return rest;
}

function nameOf(key: ObjectKey): string {
  return `${key.kind} ${key.namespace}/${key.name}`;
}

function kindOf(object: KubeObject): KindName {
  const [group, version] = object.apiVersion.split("/");
  return version === undefined ? object.kind : `${object.kind}.${group}`;
}

function keyOf(object: KubeObject): ObjectKey {
  return {
    kind: kindOf(object),
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
  };
}
