import type { KubeObject } from "#lab/kubernetes/object.ts";
import {
  badRequest,
  methodNotAllowed,
  notFound,
  notSupported,
  tooLargeResourceVersion,
} from "#lab/kubernetes/status.ts";
import type { ObjectStore } from "#lab/kubernetes/store/store.ts";
import { apply } from "#lab/kubernetes/writes/apply.ts";
import { atVersion, isJson, readObject } from "#lab/kubernetes/writes/incoming.ts";
import type { Json } from "#lab/kubernetes/writes/incoming.ts";
import { type FieldRules, shape } from "#lab/kubernetes/writes/fields.ts";
import { groupVersion, isCustom } from "#lab/kubernetes/kinds/kind.ts";
import { applyType, jsonPatchType, patched, patchOddities } from "#lab/kubernetes/writes/patch.ts";
import { stale } from "#lab/kubernetes/writes/metadata.ts";
import { keyOf } from "#lab/kubernetes/writes/writer.ts";
import type { Subresource, Writer, Writing } from "#lab/kubernetes/writes/writer.ts";
import { isSet, json, managerOf, mediaType, readBody, readClosely, readWhole } from "./call.ts";
import type { Answer, Call } from "./call.ts";
import { checkPreconditions, deleteOptions, policyFor, textsOf } from "./deletion.ts";
import { listPage, revisionOf } from "./lists.ts";
import type { Target } from "./place.ts";
import { formOf, listText, objectText } from "./represent.ts";
import { checkInclude, checkUnforced, validationOf } from "./request-options.ts";
import type { OptionsKind } from "./request-options.ts";
import { readScale, replicasSet, scaleOf, toldScale } from "./scale.ts";

export interface ObjectPorts {
  readonly store: ObjectStore;
  readonly writer: Writer;
  readonly clock: () => number;
}

/** The annotation by which a client says which of its runs writes. */
const runAnnotation = "millwright.dev/run";

/** Answers whatever is asked of one object or a list, watches aside. */
export function answerObject(ports: ObjectPorts, call: Call, target: Target): Answer {
  const { subresource } = target;
  if (subresource !== null && !hasSubresource(target)) throw methodNotAllowed();
  // Before anything is done: what cannot be shown is not done.
  formOf(
    call.headers["accept"],
    target.name === null && call.method !== "POST" ? "list" : "object",
  );
  checkInclude(call.query);
  if (subresource !== null && call.method === "DELETE")
    throw notSupported(target.served.kind, "delete");
  if (subresource === "scale") return answerScale(ports, call, target);
  switch (call.method) {
    case "GET":
      return target.name === null ? list(ports, call, target) : read(ports, call, target);
    case "POST":
      return create(ports, call, target);
    case "PUT":
      return replace(ports, call, target);
    case "PATCH":
      return patch(ports, call, target);
    case "DELETE":
      return target.name === null ? removeAll(ports, call, target) : remove(ports, call, target);
    default:
      throw methodNotAllowed();
  }
}

export function hasSubresource({ served, subresource }: Target): boolean {
  const { status, scale } = served.version.subresources;
  return (subresource === "status" && status) || (subresource === "scale" && scale !== null);
}

function list({ store, clock }: ObjectPorts, call: Call, target: Target): Answer {
  const { objects, metadata } = listPage(store, target, call.query);
  const options = {
    form: formOf(call.headers["accept"], "list"),
    includeObject: call.query.get("includeObject"),
    now: clock(),
  };
  const text = listText(objects, metadata, target.served, options);
  return { status: 200, contentType: "application/json", text };
}

function read(ports: ObjectPorts, call: Call, target: Target): Answer {
  const wanted = revisionOf(call.query.get("resourceVersion") || "0");
  if (wanted > ports.store.revision) throw tooLargeResourceVersion(wanted, ports.store.revision);
  return shown(ports, call, target, find(ports, target));
}

function create(ports: ObjectPorts, call: Call, target: Target): Answer {
  if (target.name !== null) throw methodNotAllowed();
  const { served } = target;
  const isNamespaced = served.kind.scope === "Namespaced";
  if (isNamespaced && target.namespace === null) throw methodNotAllowed();
  const place = { namespace: target.namespace ?? "", name: null };
  const { body, oddities } = readWhole(call);
  warnOfVersion(call, body, target);
  const object = readObject(body, served, place, "whole");
  const writing = writingOf(call, target, { isPatch: false, oddities }, object);
  const created = ports.writer.create(writing, object);
  return shown(ports, call, target, created, 201);
}

function replace(ports: ObjectPorts, call: Call, target: Target): Answer {
  const { served, namespace, name } = target;
  if (name === null) throw nameless(target);
  const { body, oddities } = readWhole(call);
  warnOfVersion(call, body, target);
  const object = readObject(body, served, { namespace: namespace ?? "", name }, "whole");
  const writing = writingOf(call, target, { isPatch: false, oddities }, object);
  // What was sent is read before what is there is looked for.
  shape(object, served.version, served, writing.fields);
  const updated = ports.writer.update(writing, find(ports, target), object, {
    subresource: subresourceOf(target),
    isVersionNeeded: true,
  });
  return shown(ports, call, target, updated);
}

function patch(ports: ObjectPorts, call: Call, target: Target): Answer {
  const { served, namespace, name } = target;
  if (name === null) throw nameless(target);
  const place = { namespace: namespace ?? "", name };
  const type = mediaType(call);
  const { body, oddities } = readClosely(call);
  const how = {
    isPatch: true,
    oddities: type === jsonPatchType ? patchOddities(body, oddities) : oddities,
  };
  if (type === applyType) {
    checkUnmanaged(body);
    if (oddities.length > 0 && call.query.get("fieldValidation") === "Strict")
      throw badRequest(`error strict decoding YAML: ${oddities.join(", ")}`);
    const applied = readObject(body, served, place, "apply");
    const live = ports.store.get(keyOf(served.name, place));
    if (live === undefined && target.subresource !== null) throw notFound(served.kind, name);
    const object = apply({
      writer: ports.writer,
      writing: {
        ...writingOf(call, target, how, applied),
        manager: call.query.get("fieldManager") ?? "",
      },
      live: live ?? null,
      applied,
      isForced: isSet(call.query, "force"),
      subresource: subresourceOf(target),
      now: ports.clock(),
    });
    return shown(ports, call, target, object, live === undefined ? 201 : 200);
  }
  checkUnforced(call.query);
  const live = find(ports, target);
  const seen = atVersion(live, groupVersion(served.kind.group, served.version.name));
  const next = readObject(patched(seen, type, body, served), served, place, "patch");
  const updated = ports.writer.update(writingOf(call, target, how, next), live, next, {
    subresource: subresourceOf(target),
    isVersionNeeded: true,
  });
  return shown(ports, call, target, updated);
}

/** 400 for a custom resource, whose handler looks for the name; the others' paths are not there for such a method. */
function nameless({ served }: Target): Error {
  return served.kind.group === "" ? methodNotAllowed() : badRequest("name must be provided");
}

function remove(ports: ObjectPorts, call: Call, target: Target): Answer {
  const options = deleteOptions(call);
  const live = find(ports, target);
  checkPreconditions(target, live, options);
  const { object, isGone } = ports.writer.remove(
    writingOf(call, target, plainly, live, options),
    live,
    policyFor(call, options),
  );
  if (!isGone) return shown(ports, call, target, object);
  const { group, plural } = target.served.kind;
  const { name, uid } = object.metadata;
  return json(200, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group === "" ? {} : { group }), kind: plural, uid },
  });
}

function removeAll(ports: ObjectPorts, call: Call, target: Target): Answer {
  const { objects, metadata } = listPage(ports.store, target, call.query);
  const options = deleteOptions(call);
  for (const live of objects) {
    checkPreconditions(target, live, options);
    ports.writer.remove(
      writingOf(call, target, plainly, live, options),
      live,
      policyFor(call, options),
    );
  }
  const form = { form: "object", includeObject: null, now: ports.clock() } as const;
  const text = listText(objects, metadata, target.served, form);
  return { status: 200, contentType: "application/json", text };
}

function answerScale(ports: ObjectPorts, call: Call, target: Target): Answer {
  const live = find(ports, target);
  const { scale } = target.served.version.subresources;
  if (scale === null) throw methodNotAllowed();
  if (call.method === "GET") return json(200, toldScale(live, scale));
  if (call.method !== "PUT" && call.method !== "PATCH") throw methodNotAllowed();
  const isPut = call.method === "PUT";
  const body = readBody(call);
  const next = isPut ? body : patched(scaleOf(live, scale), mediaType(call), body, target.served);
  const { replicas, resourceVersion } = readScale(next, target, isPut);
  if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion)
    throw stale(target.served.kind, live.metadata.name);
  const changed = replicasSet(live, scale, replicas);
  const options = { subresource: null, isVersionNeeded: false, isScaled: true } as const;
  const writing = writingOf(call, target, { isPatch: true, oddities: [] }, live);
  return json(200, scaleOf(ports.writer.update(writing, live, changed, options), scale));
}

function find({ store }: ObjectPorts, { served, namespace, name }: Target): KubeObject {
  if (name === null) throw methodNotAllowed();
  const found = store.get({ kind: served.name, namespace: namespace ?? "", name });
  if (found === undefined) throw notFound(served.kind, name);
  return found;
}

function shown(
  { clock }: ObjectPorts,
  call: Call,
  { served }: Target,
  object: KubeObject,
  status = 200,
): Answer {
  const form = formOf(call.headers["accept"], "object");
  if (form === "table") {
    const options = { form, includeObject: call.query.get("includeObject"), now: clock() };
    const { resourceVersion } = object.metadata;
    const text = listText([object], { resourceVersion }, served, options);
    return { status, contentType: "application/json", text };
  }
  return { status, contentType: "application/json", text: objectText(object, served, form) };
}

function subresourceOf({ subresource }: Target): Subresource {
  return subresource === "status" ? "status" : null;
}

function writingOf(
  call: Call,
  { served }: Target,
  how: Pick<FieldRules, "isPatch" | "oddities">,
  object: KubeObject,
  options: Json = {},
): Writing {
  const dryRun = [call.query.get("dryRun"), ...textsOf(options["dryRun"])];
  const annotation = object.metadata.annotations?.[runAnnotation];
  return {
    served,
    manager: managerOf(call),
    isDryRun: dryRun.includes("All"),
    fields: {
      validation: validationOf(optionsOf[call.method] ?? "PatchOptions", call.query),
      warn: call.warn,
      ...how,
    },
    isOperator: false,
    isTracked: true,
    key: call.headers["idempotency-key"] ?? annotation ?? null,
  };
}

const plainly = { isPatch: false, oddities: [] };

const optionsOf: Readonly<Record<string, OptionsKind>> = {
  POST: "CreateOptions",
  PUT: "UpdateOptions",
  PATCH: "PatchOptions",
  DELETE: "DeleteOptions",
};

/** Of a version that a custom resource has not, nothing is known: all of it is unknown, which is said before it is refused. */
function warnOfVersion(call: Call, body: unknown, { served: { kind } }: Target): void {
  if (!isCustom(kind) || !isJson(body) || call.query.get("fieldValidation") === "Ignore") return;
  const [, version] = String(body["apiVersion"]).split("/");
  if (version === undefined || kind.versions.some(({ name }) => name === version)) return;
  for (const field of Object.keys(body))
    if (!["apiVersion", "kind", "metadata"].includes(field)) call.warn(`unknown field "${field}"`);
}

/** A Refusal (400): who applies does not say who manages what. */
function checkUnmanaged(body: unknown): void {
  const metadata = isJson(body) ? body["metadata"] : undefined;
  const managed = isJson(metadata) ? metadata["managedFields"] : undefined;
  if (managed !== undefined && managed !== null)
    throw badRequest("metadata.managedFields must be nil");
}
