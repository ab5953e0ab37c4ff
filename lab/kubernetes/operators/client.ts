import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type {
  ClusterClient,
  ClusterView,
  NewObject,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { kindOfObject, storageVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { Kinds, Served } from "#lab/kubernetes/kinds/registry.ts";
import type { KindName, KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { Refusal } from "#lab/kubernetes/status.ts";
import type { ObjectStore } from "#lab/kubernetes/store/store.ts";
import { warnOf } from "#lab/kubernetes/warning.ts";
import { timeText } from "#lab/kubernetes/writes/metadata.ts";
import { keyOf } from "#lab/kubernetes/writes/writer.ts";
import type { Writer, Writing } from "#lab/kubernetes/writes/writer.ts";

/** Notes a change of the world in the lab's effect log. */
export type NoteEffect = (
  target: string,
  action: string,
  detail: Readonly<Record<string, unknown>>,
  key?: string,
) => void;

export interface ClientPorts {
  readonly store: ObjectStore;
  readonly kinds: Kinds;
  readonly writer: Writer;
  readonly clock: () => number;
  /** How many times as fast as life. */
  readonly speed: number;
  readonly effect: NoteEffect;
}

/** Events are kept for an hour in life; here the oldest go when there are this many. */
const mostEvents = 5_000;

export function clusterView({
  store,
  clock,
  speed,
}: Pick<ClientPorts, "store" | "clock" | "speed">): ClusterView {
  return {
    now: clock,
    speed,
    get: (key) => store.get(key),
    list: (kind, filter) =>
      filter?.namespace === undefined && filter?.labels === undefined
        ? store.list(kind)
        : store.select(kind, filter),
  };
}

/** What one operator does to the cluster, under its own name. Its writes pass no admission and no fault. */
export function clusterClient(ports: ClientPorts, manager: string): ClusterClient {
  const { store, kinds, writer, clock, effect } = ports;
  const writing = (name: KindName): Writing => ({
    served: servedOf(kinds, name),
    manager,
    isDryRun: false,
    fields: { validation: "Ignore", warn: () => undefined, isPatch: false, oddities: [] },
    isOperator: true,
    isTracked: true,
    key: null,
  });
  const create = (object: NewObject): KubeObject => {
    const kind = kindOfObject(object);
    const there = store.get(keyOf(kind, object.metadata));
    // The server fills in the rest of the metadata.
    return there ?? writer.create(writing(kind), object as unknown as KubeObject);
  };
  const record: ClusterClient["event"] = (about, type, reason, message) => {
    const now = timeText(clock());
    const name = `${about.metadata.name}.${digest([about.metadata.uid, type, reason, message])}`;
    const namespace = about.metadata.namespace ?? "default";
    const known = store.get({ kind: "Event", namespace, name });
    if (known !== undefined) {
      const count = typeof known["count"] === "number" ? known["count"] + 1 : 2;
      store.put({ ...known, count, lastTimestamp: now });
      return;
    }
    const oldest = store.count("Event") < mostEvents ? undefined : store.oldest("Event");
    if (oldest !== undefined) store.remove(keyOf("Event", oldest.metadata));
    create({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        ...(about.metadata.namespace === undefined ? {} : { namespace }),
        name: about.metadata.name,
        uid: about.metadata.uid,
        resourceVersion: about.metadata.resourceVersion,
      },
      type,
      reason,
      message,
      source: { component: manager },
      reportingComponent: manager,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
  };
  return {
    ...clusterView(ports),
    create,
    update: (key, change) => {
      const live = store.get(key);
      if (live === undefined) return undefined;
      const options = { subresource: null, isVersionNeeded: false };
      return writer.update(writing(key.kind), live, change(live), options);
    },
    updateStatus: (key, status) => {
      const live = store.get(key);
      if (live === undefined) return undefined;
      const { subresources } = storageVersion(servedOf(kinds, key.kind).kind);
      const subresource = subresources.status ? "status" : null;
      const options = { subresource, isVersionNeeded: false } as const;
      return writer.update(writing(key.kind), live, { ...live, status }, options);
    },
    delete: (key: ObjectKey) => {
      const live = store.get(key);
      if (live !== undefined) writer.remove(writing(key.kind), live);
    },
    event: (...told) => {
      try {
        record(...told);
      } catch (error) {
        // Nobody's work waits for its news: a namespace that is on its way out takes none.
        if (!(error instanceof Refusal)) warnOf(`${manager} could not tell its event`, error);
      }
    },
    memory: <Memory>({ metadata }: KubeObject) => store.memory(metadata.uid) as Memory | undefined,
    remember: ({ metadata }, memory) => {
      if (!isDeepStrictEqual(store.memory(metadata.uid), memory))
        store.remember(metadata.uid, memory);
    },
    effect,
  };
}

/** A kind at its storage version. */
export function servedOf(kinds: Kinds, name: KindName): Served {
  const kind = kinds.get(name);
  if (kind === undefined) throw new Error(`the cluster does not know the kind ${name}`);
  return { name, kind, version: storageVersion(kind) };
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16);
}
