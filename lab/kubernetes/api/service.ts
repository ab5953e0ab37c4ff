import type { AggregatedPath, ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { accessReview, rulesReview } from "#lab/kubernetes/kinds/access-control.ts";
import { isCustom, nameOfKind } from "#lab/kubernetes/kinds/kind.ts";
import type { Kinds } from "#lab/kubernetes/kinds/registry.ts";
import type { NoteEffect } from "#lab/kubernetes/operators/client.ts";
import { badRequest, internal, noResource, notFound, Refusal } from "#lab/kubernetes/status.ts";
import { answerAccessReview, answerRulesReview } from "./access-review.ts";
import { isSet, json, plain, readBody } from "./call.ts";
import type { Answer, Call } from "./call.ts";
import { answerDiscovery } from "./discovery.ts";
import type { Fault } from "./fault.ts";
import { answerObject, hasSubresource } from "./objects.ts";
import type { ObjectPorts } from "./objects.ts";
import { answerOpenapi } from "./openapi.ts";
import { splitPath, targetOf } from "./place.ts";
import type { Target } from "./place.ts";
import type { Readiness } from "./readiness.ts";
import type { RequestCounts } from "./request-counts.ts";
import { formOf } from "./represent.ts";
import { serverVersion } from "./server-version.ts";
import { authenticate, authorize } from "./users.ts";
import { Watch } from "./watch.ts";

/** A path that an operator serves, and the operator's hands. */
export interface AggregatedApi {
  readonly path: AggregatedPath;
  readonly client: ClusterClient;
}

export interface ServicePorts extends ObjectPorts {
  readonly kinds: Kinds;
  readonly tokens: Readonly<Record<string, string>>;
  readonly aggregated: readonly AggregatedApi[];
  readonly readiness: Readiness;
  readonly requests: RequestCounts;
  readonly effect: NoteEffect;
}

/** A request without what the listener alone needs. */
export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export type Reply =
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "watch"; readonly watch: Watch };

/** What a path that leads nowhere is answered: not even a Status. */
const nowhere = plain(404, "404 page not found\n");

const accessReviewName = nameOfKind(accessReview);
const rulesReviewName = nameOfKind(rulesReview);

/** The API server without its port: what is answered to a request. */
export class Service {
  readonly #ports: ServicePorts;

  constructor(ports: ServicePorts) {
    this.#ports = ports;
  }

  /** Never throws. @param disturbWatch what happens to the watch that this request may become. */
  handle(request: Request, disturbWatch: () => Fault["watch"]): Reply {
    const warnings: string[] = [];
    let reply: Reply;
    try {
      reply = this.#handle(request, disturbWatch, warnings);
    } catch (error) {
      reply = answered(refused(error));
    }
    if (reply.kind === "watch" || warnings.length === 0) return reply;
    const Warning = told(warnings)
      .map((text) => `299 - ${headerText(text)}`)
      .join(", ");
    return answered({ ...reply.answer, headers: { ...reply.answer.headers, Warning } });
  }

  #handle(request: Request, disturbWatch: () => Fault["watch"], warnings: string[]): Reply {
    const { segments, query } = readUrl(request.url);
    const known = this.#public(segments);
    if (known !== undefined) return answered(known);
    const { readiness, tokens, kinds, requests } = this.#ports;
    const target = targetOf(segments, kinds);
    const isWatch = request.method === "GET" && target?.name === null && isSet(query, "watch");
    requests.add(verbOf(request.method, target, isWatch), resourceOf(target));
    readiness.check();
    const { authorization, accept } = request.headers;
    const call: Call = {
      method: request.method,
      segments,
      query,
      headers: request.headers,
      body: request.body,
      user: authenticate(authorization, tokens),
      warn: (message) => void warnings.push(message),
    };
    const paths = this.#ports.aggregated.map(({ path }) => path);
    const described =
      call.method === "GET"
        ? (answerDiscovery(segments, accept, kinds, paths) ?? answerOpenapi(segments, kinds))
        : undefined;
    if (described !== undefined) return answered(described);
    if (target === undefined) return answered(this.#aggregated(call) ?? this.#nothing(segments));
    if (isUnplaced(call.method, target)) return answered(nowhere);
    if (target.subresource !== null && !hasSubresource(target)) {
      if (target.served.kind.group === "") throw noResource();
      throw notFound(target.served.kind, target.name ?? "");
    }
    if (target.served.name === accessReviewName) return answered(answerAccessReview(call));
    if (target.served.name === rulesReviewName) return answered(answerRulesReview(call, kinds));
    authorize(call.user, {
      verb: verbOf(call.method, target, isWatch),
      group: target.served.kind.group,
      plural: target.served.kind.plural,
      name: target.name ?? "",
      namespace: target.namespace ?? "",
    });
    if (!isWatch) return answered(answerObject(this.#ports, call, target));
    const { store, clock } = this.#ports;
    const ports = { store, clock, disturb: disturbWatch };
    return { kind: "watch", watch: new Watch(ports, target, call.query, formOf(accept, "object")) };
  }

  /** A path that leads nowhere. Below a group that is built in, and there alone, the API server says so with a Status. */
  #nothing(segments: readonly string[]): Answer {
    const split = splitPath(segments);
    const isBuiltIn =
      split !== undefined &&
      (split.group === "" ||
        this.#ports.kinds.of(split.group, split.version).some(({ kind }) => !isCustom(kind)));
    return isBuiltIn ? refused(noResource()) : nowhere;
  }

  /** What everybody may ask, without saying who they are. */
  #public([first, ...rest]: readonly string[]): Answer | undefined {
    if (first === "version" && rest.length === 0) return json(200, serverVersion);
    if (first !== "readyz" && first !== "healthz" && first !== "livez") return undefined;
    const isWell = first === "livez" || this.#ports.readiness.isReady();
    return isWell ? plain(200, "ok") : plain(500, `${first} check failed\n`);
  }

  #aggregated(call: Call): Answer | undefined {
    const split = splitPath(call.segments);
    const [word, namespace, plural, name, ...rest] = split?.rest ?? [];
    if (split === undefined || word !== "namespaces" || name === undefined) return undefined;
    const resource = `${plural}/${rest.join("/")}`;
    const group = `${split.group}/${split.version}`;
    const found = this.#ports.aggregated.find(
      ({ path }) => path.groupVersion === group && path.resource === resource,
    );
    if (found === undefined || call.method !== "PUT") return undefined;
    const place = { namespace: namespace ?? "", name };
    authorize(call.user, { verb: "update", group: split.group, plural: resource, ...place });
    const body = call.body.length === 0 ? null : readBody(call);
    const reply = found.path.put(place, body, found.client);
    if (reply.status < 300) this.#noteCommand(call, plural ?? "", place, rest.join("/"));
    if (reply.body === null) return { ...plain(reply.status, ""), contentType: "application/json" };
    return json(reply.status, reply.body);
  }

  /** A command to an operator is noted under the kind whose subresource it looks like. */
  #noteCommand(
    call: Call,
    plural: string,
    { namespace, name }: { readonly namespace: string; readonly name: string },
    action: string,
  ): void {
    const split = splitPath(call.segments);
    const kind = this.#ports.kinds
      .all()
      .find((each) => each.plural === plural && (split?.group ?? "").endsWith(each.group));
    const key = call.headers["idempotency-key"];
    const target = `${kind?.kind ?? plural}/${namespace}/${name}`;
    this.#ports.effect(target, action, { group: split?.group ?? "" }, key);
  }
}

/** How many characters of warnings the API server sends. */
const mostWarned = 4096;

/** Each warning once, and no more of them than a header may hold. */
function told(warnings: readonly string[]): readonly string[] {
  const each = [...new Set(warnings)];
  let length = 0;
  return each.filter((text) => (length += Array.from(text).length) <= mostWarned);
}

/** All namespaces at once can be read, not written. */
function isUnplaced(method: string, { served: { kind }, namespace, name }: Target): boolean {
  const isWrite = method === "POST" || method === "DELETE";
  return (
    isWrite &&
    kind.scope === "Namespaced" &&
    namespace === null &&
    name === null &&
    kind.group !== ""
  );
}

/** Quoted, and in no characters but those that a header may hold. */
function headerText(text: string): string {
  const escape = (character: string): string =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[^ -~]/g, escape);
}

/** Path and query as they are meant. A Refusal (400) for what cannot be decoded. */
function readUrl(text: string): {
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
} {
  try {
    const { pathname, searchParams } = new URL(text, "https://kubernetes");
    const segments = pathname.split("/").filter((segment) => segment !== "");
    return { segments: segments.map(decodeURIComponent), query: searchParams };
  } catch {
    throw badRequest("the path of the request cannot be decoded");
  }
}

function answered(answer: Answer): Reply {
  return { kind: "answer", answer };
}

function verbOf(method: string, target: Target | undefined, isWatch: boolean): string {
  const name = target === undefined ? "" : target.name;
  switch (method) {
    case "GET":
      return isWatch ? "watch" : name === null ? "list" : "get";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "DELETE":
      return name === null ? "deletecollection" : "delete";
    default:
      return method.toLowerCase();
  }
}

/** As an audit log names it; empty for a path that names none of the kinds. */
function resourceOf(target: Target | undefined): string {
  if (target === undefined) return "";
  const { plural, group } = target.served.kind;
  const resource = group === "" ? plural : `${plural}.${group}`;
  // What nobody knows could be anything, and is asked for by anybody.
  const isKnown = target.subresource !== null && hasSubresource(target);
  return isKnown ? `${resource}/${target.subresource}` : resource;
}

/** Whatever went wrong as a Status. */
export function refused(error: unknown): Answer {
  const reason = error instanceof Error ? error.message : String(error);
  const refusal = error instanceof Refusal ? error : internal(reason);
  const { retryAfterSeconds } = refusal.details ?? {};
  const answer = json(refusal.code, refusal.body());
  return retryAfterSeconds === undefined
    ? answer
    : { ...answer, headers: { "Retry-After": String(retryAfterSeconds) } };
}
