import { orphanFinalizer } from "#lab/kubernetes/operators/cleaner.ts";
import { foregroundFinalizer } from "#lab/kubernetes/operators/owners.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import {
  badRequest,
  conflict,
  methodNotAllowed,
  notFound,
  resourceText,
  unsupportedMediaType,
} from "#lab/kubernetes/status.ts";
import type { ObjectStore } from "#lab/kubernetes/store/store.ts";
import { apply } from "#lab/kubernetes/writes/apply.ts";
import { atVersion, isJson, readObject } from "#lab/kubernetes/writes/incoming.ts";
import type { Json } from "#lab/kubernetes/writes/incoming.ts";
import { groupVersion } from "#lab/kubernetes/kinds/kind.ts";
import { applyTypes, patched } from "#lab/kubernetes/writes/patch.ts";
import { keyOf } from "#lab/kubernetes/writes/writer.ts";
import type { Subresource, Writer, Writing } from "#lab/kubernetes/writes/writer.ts";
import { isSet, json, managerOf, mediaType, readBody } from "./call.ts";
import type { Answer, Call } from "./call.ts";
import { listPage } from "./lists.ts";
import type { Target } from "./place.ts";
import { formOf, listText, objectText } from "./represent.ts";
import { checkDryRun, checkPropagation, validationOf } from "./request-options.ts";
import type { OptionsKind } from "./request-options.ts";
import { readScale, replicasSet, scaleOf } from "./scale.ts";

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
  formOf(call.headers["accept"]);
  if (subresource === "scale") return answerScale(ports, call, target);
  switch (call.method) {
    case "GET":
      return target.name === null
        ? list(ports, call, target)
        : shown(ports, call, target, find(ports, target));
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
    form: formOf(call.headers["accept"]),
    includeObject: call.query.get("includeObject"),
    now: clock(),
  };
  const text = listText(objects, metadata, target.served, options);
  return { status: 200, contentType: "application/json", text };
}

function create(ports: ObjectPorts, call: Call, target: Target): Answer {
  if (target.name !== null) throw methodNotAllowed();
  const { served } = target;
  const isNamespaced = served.kind.scope === "Namespaced";
  if (isNamespaced && target.namespace === null) throw methodNotAllowed();
  const place = { namespace: target.namespace ?? "", name: null };
  const object = readObject(readWhole(call), served, place);
  const created = ports.writer.create(writingOf(call, target, false, object), object);
  return shown(ports, call, target, created, 201);
}

function replace(ports: ObjectPorts, call: Call, target: Target): Answer {
  const live = find(ports, target);
  const { served, namespace, name } = target;
  const object = readObject(readWhole(call), served, { namespace: namespace ?? "", name });
  const updated = ports.writer.update(writingOf(call, target, false, object), live, object, {
    subresource: subresourceOf(target),
    isVersionNeeded: true,
  });
  return shown(ports, call, target, updated);
}

function patch(ports: ObjectPorts, call: Call, target: Target): Answer {
  const { served, namespace, name } = target;
  if (name === null) throw methodNotAllowed();
  const place = { namespace: namespace ?? "", name };
  const type = mediaType(call);
  const body = readBody(call);
  if (applyTypes.includes(type)) {
    const applied = readObject(body, served, place);
    const live = ports.store.get(keyOf(served.name, place));
    if (live === undefined && target.subresource !== null) throw notFound(served.kind, name);
    const object = apply({
      writer: ports.writer,
      writing: {
        ...writingOf(call, target, true, applied),
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
  const live = find(ports, target);
  const seen = atVersion(live, groupVersion(served.kind.group, served.version.name));
  const next = readObject(patched(seen, type, body, served), served, place);
  const updated = ports.writer.update(writingOf(call, target, true, next), live, next, {
    subresource: subresourceOf(target),
    isVersionNeeded: false,
  });
  return shown(ports, call, target, updated);
}

function remove(ports: ObjectPorts, call: Call, target: Target): Answer {
  if (target.subresource !== null) throw methodNotAllowed();
  const live = find(ports, target);
  const options = deleteOptions(call);
  checkPreconditions(target, live, options);
  const { object, isGone } = ports.writer.remove(
    writingOf(call, target, false, live, options),
    live,
    finalizersFor(call, options),
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
  for (const live of objects)
    ports.writer.remove(
      writingOf(call, target, false, live, options),
      live,
      finalizersFor(call, options),
    );
  const form = { form: "object", includeObject: null, now: ports.clock() } as const;
  const text = listText(objects, metadata, target.served, form);
  return { status: 200, contentType: "application/json", text };
}

function answerScale(ports: ObjectPorts, call: Call, target: Target): Answer {
  const live = find(ports, target);
  const { scale } = target.served.version.subresources;
  if (scale === null) throw methodNotAllowed();
  if (call.method === "GET") return json(200, scaleOf(live, scale));
  if (call.method !== "PUT" && call.method !== "PATCH") throw methodNotAllowed();
  const body = readBody(call);
  const old = scaleOf(live, scale);
  const next = call.method === "PUT" ? body : patched(old, mediaType(call), body, target.served);
  const { replicas, resourceVersion } = readScale(next, target);
  if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion)
    throw conflict(
      target.served.kind,
      live.metadata.name,
      "Operation cannot be fulfilled: the object has been modified",
    );
  const changed = replicasSet(live, scale, replicas);
  const options = { subresource: null, isVersionNeeded: false } as const;
  const writing = writingOf(call, target, true, live);
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
  const form = formOf(call.headers["accept"]);
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
  isPatch: boolean,
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
      isPatch,
    },
    isOperator: false,
    isTracked: true,
    key: call.headers["idempotency-key"] ?? annotation ?? null,
  };
}

const optionsOf: Readonly<Record<string, OptionsKind>> = {
  POST: "CreateOptions",
  PUT: "UpdateOptions",
  PATCH: "PatchOptions",
  DELETE: "DeleteOptions",
};

/** The body of a whole object. A Refusal (415) for a media type in which the API server reads none. */
function readWhole(call: Call): unknown {
  if (/json|yaml|protobuf/.test(mediaType(call))) return readBody(call);
  throw unsupportedMediaType(
    "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  );
}

function deleteOptions(call: Call): Json {
  const body = call.body.length === 0 ? {} : readBody(call);
  if (!isJson(body)) throw badRequest("DeleteOptions is an object");
  checkPropagation(body["propagationPolicy"] ?? call.query.get("propagationPolicy"));
  checkDryRun("DeleteOptions", textsOf(body["dryRun"]));
  return body;
}

function checkPreconditions({ served }: Target, live: KubeObject, options: Json): void {
  const { preconditions } = options;
  if (!isJson(preconditions)) return;
  const { uid, resourceVersion } = live.metadata;
  const { name } = live.metadata;
  const { group, kind } = served.kind;
  // The API server puts the kind here where else the plural stands.
  const refused = (what: string): Error =>
    conflict(
      { group, plural: kind },
      name,
      `Operation cannot be fulfilled on ${resourceText({ group, plural: kind })} "${name}": ${what}`,
    );
  const wanted = preconditions["uid"];
  if (wanted !== undefined && wanted !== uid)
    throw refused(
      `the UID in the precondition (${String(wanted)}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  const version = preconditions["resourceVersion"];
  if (version !== undefined && version !== resourceVersion)
    throw refused(
      `the ResourceVersion in the precondition (${String(version)}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
}

function finalizersFor({ query }: Call, options: Json): readonly string[] {
  switch (String(options["propagationPolicy"] ?? query.get("propagationPolicy"))) {
    case "Foreground":
      return [foregroundFinalizer];
    case "Orphan":
      return [orphanFinalizer];
    default:
      return [];
  }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
