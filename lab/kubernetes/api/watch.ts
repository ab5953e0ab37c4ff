import { definitionKind, definitionName } from "#lab/kubernetes/kinds/definition.ts";
import { groupVersion } from "#lab/kubernetes/kinds/kind.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { expired, Refusal } from "#lab/kubernetes/status.ts";
import type { Change } from "#lab/kubernetes/store/change.ts";
import type { ObjectStore } from "#lab/kubernetes/store/store.ts";
import { isSet } from "./call.ts";
import type { Fault } from "./fault.ts";
import { matcherOf, numberOf, revisionOf } from "./lists.ts";
import type { Matches } from "./lists.ts";
import { checkWatchOptions } from "./request-options.ts";
import type { Target } from "./place.ts";
import { objectText } from "./represent.ts";
import type { Form } from "./represent.ts";
import { tableOf } from "./table.ts";

/** The client's end of a watch. */
export interface Outlet {
  write(text: string): void;
  /** Ends the answer as it should end. */
  end(): void;
  /** Breaks the connection. */
  cut(): void;
  /** Calls when the client is gone. */
  onClose(listener: () => void): void;
}

export interface WatchPorts {
  readonly store: ObjectStore;
  readonly clock: () => number;
  /** What the lab's user wants to happen to this watch now. */
  readonly disturb: () => Fault["watch"];
}

const oldEtcd = new Refusal({
  code: 500,
  reason: "InternalError",
  message: "required storage feature RequestWatchProgress is disabled",
});

/** What leaves a selection is told as it was while it was in it, at the revision at which it left. */
function leaving(was: KubeObject, { metadata: { resourceVersion } }: KubeObject): KubeObject {
  return { ...was, metadata: { ...was.metadata, resourceVersion } };
}

/** How often a watch that asked for it hears how far the server is. */
const bookmarkEveryMs = 60_000;

/** How long before its end a watch hears it once more. */
const lastBookmarkMs = 2_500;

/** A watch that does not say how long it wants to be ends after a while, and the client begins another. */
const longestMs = 30 * 60_000;

/**
 * The parameters of a watch, read before anything is sent: what cannot be read is a Refusal (400). A window that no
 * longer reaches back to the asked revision is none: the real server tells it inside the stream.
 */
export class Watch {
  readonly #ports: WatchPorts;
  readonly #target: Target;
  readonly #form: Form;
  readonly #includeObject: string | null;
  readonly #matches: Matches;
  readonly #hasBookmarks: boolean;
  readonly #sendsInitial: boolean;
  readonly #from: number;
  readonly #lengthMs: number;
  #outlet: Outlet | undefined;
  #timers: NodeJS.Timeout[] = [];
  #forget: (() => void)[] = [];
  #isSilent = false;
  #isTableBegun = false;

  constructor(ports: WatchPorts, target: Target, query: URLSearchParams, form: Form) {
    this.#ports = ports;
    this.#target = target;
    this.#form = form;
    this.#includeObject = query.get("includeObject");
    this.#matches = matcherOf(target, query);
    this.#hasBookmarks = isSet(query, "allowWatchBookmarks");
    this.#sendsInitial = isSet(query, "sendInitialEvents");
    checkWatchOptions(query);
    this.#from = revisionOf(query.get("resourceVersion") || "0");
    const seconds = numberOf(query.get("timeoutSeconds") ?? "0");
    this.#lengthMs = seconds === 0 ? longestMs : Math.min(seconds * 1000, longestMs);
  }

  /** Sends what happened since, then what happens, until its time is over or the client is gone. */
  open(outlet: Outlet): void {
    const { store } = this.#ports;
    const { name } = this.#target.served;
    this.#outlet = outlet;
    outlet.onClose(() => this.#stop());
    if (this.#meet() === "ended") return;
    const isFromNow = this.#from === 0 || this.#sendsInitial;
    const past = isFromNow ? [] : store.since(name, this.#from);
    if (past === undefined)
      return this.#fail(expired(`too old resource version: ${this.#from} (${store.revision})`));
    const ended = (): void => this.#end();
    const definition = definitionName(this.#target.served.kind);
    this.#forget = [
      store.watch(name, (change) => this.#changed(change)),
      store.watch(definitionKind, ({ type, object }) => {
        // Nothing of a kind can happen any more once its definition is gone.
        if (type === "DELETED" && object.metadata.name === definition) ended();
      }),
      store.onReset(ended),
    ];
    this.#timers.push(setTimeout(ended, this.#lengthMs));
    if (this.#hasBookmarks) this.#promiseBookmarks();
    if (isFromNow) this.#sendAll();
    for (const change of past) this.#changed(change);
  }

  /** The API server ends. */
  close(): void {
    this.#end();
  }

  #sendAll(): void {
    const { store } = this.#ports;
    const { name } = this.#target.served;
    for (const object of store.list(name).filter(this.#matches)) this.#send("ADDED", object);
    if (this.#sendsInitial && this.#hasBookmarks)
      this.#bookmark({ "k8s.io/initial-events-end": "true" });
  }

  /** For who watches a selection, an object that enters it is new, and one that leaves it is gone. */
  #changed({ revision, type, object, previous }: Change): void {
    // A client that asks for the future hears nothing of what comes before it.
    if (revision <= this.#from) return;
    const was = previous !== null && this.#matches(previous);
    const is = type !== "DELETED" && this.#matches(object);
    if (is) this.#send(was ? "MODIFIED" : "ADDED", object);
    else if (was) this.#send("DELETED", type === "DELETED" ? object : leaving(previous, object));
  }

  #send(type: Change["type"], object: KubeObject): void {
    this.#line(`{"type":"${type}","object":${this.#text(object)}}\n`);
  }

  #text(object: KubeObject): string {
    if (this.#form === "table") return this.#tableText([object]);
    return objectText(object, this.#target.served, this.#form);
  }

  /** Only the first table of a watch names its columns. */
  #tableText(objects: readonly KubeObject[]): string {
    const options = { includeObject: this.#includeObject, now: this.#ports.clock() };
    const metadata = { resourceVersion: objects[0]?.metadata.resourceVersion ?? "" };
    const table = tableOf(objects, metadata, this.#target.served, options);
    if (this.#isTableBegun) table["columnDefinitions"] = null;
    this.#isTableBegun = true;
    return JSON.stringify(table);
  }

  #promiseBookmarks(): void {
    const tick = setInterval(() => this.#bookmark(), bookmarkEveryMs);
    this.#timers.push(tick);
    // A watch that ends so soon hears of nothing before its end.
    const lastMs = this.#lengthMs - lastBookmarkMs;
    if (lastMs > 0) this.#timers.push(setTimeout(() => this.#bookmark(), lastMs));
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { kind, version } = this.#target.served;
    // To a client that waits for the future, the server tells its own present.
    const metadata = {
      resourceVersion: String(this.#ports.store.revision),
      ...(annotations === undefined ? {} : { annotations }),
    };
    const object = {
      kind: kind.kind,
      apiVersion: groupVersion(kind.group, version.name),
      metadata,
    } as KubeObject;
    this.#line(`{"type":"BOOKMARK","object":${this.#text(object)}}\n`);
  }

  #line(text: string): void {
    const met = this.#meet(text);
    if (met === "open") this.#outlet?.write(text);
  }

  /** Lets the lab's disturbances happen. */
  #meet(line?: string): "open" | "silent" | "ended" {
    if (this.#outlet === undefined) return "ended";
    if (this.#isSilent) return "silent";
    switch (this.#ports.disturb()) {
      case undefined:
        return "open";
      case "expired":
        this.#fail(expired("The resourceVersion for the provided watch is too old."));
        return "ended";
      case "old-etcd":
        this.#fail(oldEtcd);
        return "ended";
      case "silent":
        this.#isSilent = true;
        return "silent";
      case "cut": {
        const outlet = this.#outlet;
        const begun = line ?? '{"type":"ADDED","object":{"kind":"';
        this.#stop();
        outlet.write(begun.slice(0, begun.length / 2));
        outlet.cut();
        return "ended";
      }
    }
  }

  /** What goes wrong with a watch is told inside of it: the answer has begun. */
  #fail(refusal: Refusal): void {
    const outlet = this.#outlet;
    this.#stop();
    outlet?.write(`${JSON.stringify({ type: "ERROR", object: refusal.body() })}\n`);
    outlet?.end();
  }

  #end(): void {
    const outlet = this.#outlet;
    this.#stop();
    if (!this.#isSilent) outlet?.end();
  }

  #stop(): void {
    this.#outlet = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const forget of this.#forget) forget();
    this.#timers = [];
    this.#forget = [];
  }
}
