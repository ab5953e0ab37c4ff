import { randomInt, randomUUID } from "node:crypto";
import { Faults } from "./api/fault.ts";
import { Listener } from "./api/listener.ts";
import { Readiness } from "./api/readiness.ts";
import { RequestCounts } from "./api/request-counts.ts";
import { Service } from "./api/service.ts";
import type { Behaviour, NewObject } from "./behaviours/behaviour.ts";
import { createIdentity, kubeconfigOf } from "./identity.ts";
import { accessControlKinds } from "./kinds/access-control.ts";
import { builtInKinds } from "./kinds/built-in.ts";
import { catalogue } from "./kinds/catalogue.ts";
import { definitionKind } from "./kinds/definition.ts";
import { nameOfKind } from "./kinds/kind.ts";
import type { Kind } from "./kinds/kind.ts";
import { manifestOf } from "./kinds/manifest.ts";
import { Kinds } from "./kinds/registry.ts";
import type { KubeObject } from "./object.ts";
import { admit } from "./operators/admission.ts";
import { Cleaner } from "./operators/cleaner.ts";
import { clusterClient, clusterView } from "./operators/client.ts";
import type { NoteEffect } from "./operators/client.ts";
import { Operators } from "./operators/operators.ts";
import { readCrd } from "./schema/crd.ts";
import { definitionErrors } from "./schema/definition-rules.ts";
import type { Change } from "./store/change.ts";
import type { ServerIdentity, StoreJournal } from "./store/journal.ts";
import { ObjectStore } from "./store/store.ts";
import { Writer } from "./writes/writer.ts";
import type { Noted } from "./writes/writer.ts";

/** How a cluster is started. */
export interface KubernetesOptions {
  readonly host: string;
  /** 0: the one that it had, or a free one. */
  readonly port: number;
  /** ms since 1970. */
  readonly clock: () => number;
  /** How many times as fast as life its operators work. */
  readonly speed: number;
  readonly behaviours: readonly Behaviour[];
  /** Objects that are there from the first start, and again after a restart when they were deleted. */
  readonly seeds?: readonly NewObject[];
  /** Definitions that replace those of the catalogue, such as the official ones (`readCrds`). */
  readonly crds?: readonly Kind[];
  /** Where it is kept; absent: nowhere. */
  readonly journal?: StoreJournal;
  /** Hears of every change of the world: what clients write, and what operators do outside of the cluster. */
  readonly effects?: NoteEffect;
  readonly newUid?: () => string;
}

/** A running API server with its operators. */
export interface Kubernetes {
  /** `https://<host>:<port>`. */
  readonly url: string;
  /** A kubeconfig's text with two contexts: `lab-admin` and `lab-reader`. */
  readonly kubeconfig: string;
  readonly store: ObjectStore;
  readonly kinds: Kinds;
  readonly faults: Faults;
  /** What clients asked for since this start. */
  readonly requests: RequestCounts;
  /** What a restart of the API server does to clients: connections cut, 503, then 429, and no history. */
  readonly restart: () => void;
  readonly close: () => Promise<void>;
}

/** Starts a cluster, or continues the one that is in the journal. Rejects when the port is taken. */
export async function startKubernetes(options: KubernetesOptions): Promise<Kubernetes> {
  const { host, clock, speed, behaviours, journal } = options;
  const effect: NoteEffect = options.effects ?? (() => undefined);
  const store = new ObjectStore(journal ?? null);
  const kinds = servedKinds(store);
  const view = clusterView({ store, clock, speed });
  const writer = new Writer({
    store,
    clock,
    newUid: options.newUid ?? randomUUID,
    newSuffix,
    admit: (write) => admit(behaviours, write, view, kinds),
    note: (change) => noteClient(effect, change),
  });
  const hands = { store, kinds, writer, clock, speed, effect };
  const planter = clusterClient(hands, "kube-apiserver");
  plant(planter, options.crds ?? []);
  for (const object of options.seeds ?? []) planter.create(object);
  const cleaner = new Cleaner(store, kinds, writer, speed);
  const operators = new Operators({ ...hands, behaviours });

  const remembered = journal?.remembered.identity;
  const made = remembered ?? (await createIdentity(host, clock()));
  const faults = new Faults();
  const readiness = new Readiness(clock, speed);
  const aggregated = behaviours.flatMap((behaviour) =>
    (behaviour.aggregated ?? []).map((path) => ({
      path,
      client: clusterClient(hands, behaviour.manager),
    })),
  );
  const { tokens } = made;
  const requests = new RequestCounts();
  const service = new Service({ ...hands, tokens, aggregated, readiness, requests });
  const listener = new Listener({
    key: made.key,
    cert: made.certificate,
    faults,
    serve: (request, disturbWatch) => service.handle(request, disturbWatch),
  });
  const close = async (): Promise<void> => {
    operators.close();
    cleaner.close();
    await listener.close();
  };
  try {
    const port = await listenAgain(listener, host, options.port, remembered?.port ?? 0);
    const identity: ServerIdentity = { ...made, port };
    if (remembered?.port !== port) journal?.saveIdentity(identity);
    operators.start();
    const url = `https://${originHost(host)}:${port}`;
    const restart = (): void => {
      readiness.restart();
      store.restart();
      listener.cutAll();
    };
    return {
      url,
      kubeconfig: kubeconfigOf(url, identity),
      store,
      kinds,
      faults,
      requests,
      restart,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The built-in kinds, and whatever the CustomResourceDefinitions in the store say from now on. */
function servedKinds(store: ObjectStore): Kinds {
  const kinds = new Kinds();
  const readAll = (): void => {
    for (const kind of kinds.all()) kinds.remove(nameOfKind(kind));
    for (const kind of [...builtInKinds, ...accessControlKinds]) kinds.set(kind);
    for (const definition of store.list(definitionKind)) serve(kinds, definition);
  };
  store.watch(definitionKind, ({ type, object }: Change) => {
    if (type !== "DELETED") serve(kinds, object);
    else whenRead(object, (kind) => kinds.remove(nameOfKind(kind)));
  });
  store.onReset(readAll);
  readAll();
  return kinds;
}

function serve(kinds: Kinds, definition: KubeObject): void {
  whenRead(definition, (kind) => kinds.set(kind));
}

/** A definition that was kept before definitions were checked may say anything; it serves nothing. */
function whenRead(definition: KubeObject, take: (kind: Kind) => void): void {
  const errors = definitionErrors(definition);
  if (errors.length === 0) take(readCrd(definition));
}

/** What every cluster has: its namespaces, and the definitions that are not there yet. */
function plant(client: ReturnType<typeof clusterClient>, crds: readonly Kind[]): void {
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"])
    client.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const wanted = new Map([...catalogue, ...crds].map((kind) => [nameOfKind(kind), kind]));
  const given = new Set(crds.map(nameOfKind));
  for (const [kindName, kind] of wanted) {
    const manifest = manifestOf(kind);
    const key = { kind: definitionKind, namespace: "", name: manifest.metadata.name };
    if (client.get(key) === undefined) client.create(manifest);
    else if (given.has(kindName))
      client.update(key, (object) => ({ ...object, spec: manifest.spec }));
  }
}

function noteClient(
  effect: NoteEffect,
  { action, object, manager, subresource, key }: Noted,
): void {
  const { namespace, name, generation } = object.metadata;
  const place = namespace === undefined ? name : `${namespace}/${name}`;
  // The generation tells a change of the wish from the one that takes it back.
  const detail = {
    manager,
    ...(subresource === null ? {} : { subresource }),
    ...(generation === undefined ? {} : { generation }),
  };
  effect(`${object.kind}/${place}`, action, detail, key ?? undefined);
}

/** The port that it had before, unless somebody else has it now or another one is demanded. */
async function listenAgain(
  listener: Listener,
  host: string,
  demanded: number,
  earlier: number,
): Promise<number> {
  if (demanded !== 0 || earlier === 0) return listener.listen(host, demanded);
  try {
    return await listener.listen(host, earlier);
  } catch {
    return listener.listen(host, 0);
  }
}

/** Somebody who listens everywhere is still reached at the loopback address. */
function originHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

/** As the real server makes names: no vowels, so no words. */
const suffixLetters = "bcdfghjklmnpqrstvwxz2456789";

function newSuffix(): string {
  const letter = (): string => suffixLetters.charAt(randomInt(suffixLetters.length));
  return Array.from({ length: 5 }, letter).join("");
}
