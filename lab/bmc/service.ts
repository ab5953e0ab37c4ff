import { hardwareOf, routerOf } from "#lab/profiles/built.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import type { Traits } from "#lab/world/traits.ts";
import type { World } from "#lab/world/world.ts";
import type { Answer, Body } from "./answer.ts";
import { base, refuse } from "./answer.ts";
import type { Call } from "./call.ts";
import { basicCredentials, checkPassword } from "./credentials.ts";
import { checkPrecondition, etagOf } from "./etag.ts";
import { dress, slashed } from "./finish.ts";
import { applyQuery } from "./query.ts";
import type { Match, Resource } from "./router.ts";
import type { Sessions } from "./sessions.ts";

/** A request without its transport. Header names are lower-case. */
export interface Request {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface ServicePorts {
  readonly name: string;
  readonly profile: Profile;
  readonly traits: Traits;
  readonly world: World;
  readonly sessions: Sessions;
  readonly clock: () => number;
}

/**
 * One BMC's Redfish service: from a request to an answer, in the order in which real services decide. Address, then
 * credentials, then the resource, its method, its precondition, its body.
 */
export async function serve(ports: ServicePorts, request: Request): Promise<Answer> {
  const { profile } = ports;
  const question = request.url.indexOf("?");
  const rawPath = question === -1 ? request.url : request.url.slice(0, question);
  const query = new URLSearchParams(question === -1 ? "" : request.url.slice(question + 1));
  const redirect = redirectOf(profile, rawPath, request);
  if (redirect !== undefined) return finish(profile, redirect);

  const path = decodePath(rawPath);
  if (path !== "/redfish" && !path.startsWith("/redfish/")) return webInterface(path);
  const match = routerOf(profile).find(path);
  const refusal = authorize(ports, request, path, match);
  if (refusal !== undefined) return finish(profile, refusal);
  if (match === undefined) return finish(profile, refuse(profile, base.notFound(path)));
  // A slash too many on an action is no such method; elsewhere it is forgiven.
  const isSlashedAction =
    request.method === "POST" && rawPath.endsWith("/") && !profile.wire.endsWithSlash;
  if (isSlashedAction && path.includes("/Actions/"))
    return finish(profile, notAllowed(profile, {}));

  const body = parseBody(profile, request);
  if ("refusal" in body) return finish(profile, body.refusal);
  const call = callOf(ports, {
    path,
    body: body.value,
    params: match.params,
    key: request.headers["idempotency-key"],
  });
  return finish(profile, await dispatch(call, match.resource, { request, query }));
}

interface Exchange {
  readonly request: Request;
  readonly query: URLSearchParams;
}

async function dispatch(call: Call, resource: Resource, exchange: Exchange): Promise<Answer> {
  const gate = resource.gate?.(call);
  if (gate !== undefined) return gate;
  const { profile } = call;
  const { method, headers } = exchange.request;
  switch (method) {
    case "GET":
    case "HEAD":
      return read(call, resource, exchange.query);
    case "PATCH": {
      if (resource.patch === undefined) return notAllowed(profile, resource);
      const current = resource.get?.(call);
      if (current === undefined) return refuse(profile, base.notFound(call.path));
      const failed = checkPrecondition(profile, headers["if-match"], current);
      return failed ?? resource.patch(call);
    }
    case "POST":
      return (await resource.post?.(call)) ?? notAllowed(profile, resource);
    case "DELETE":
      return resource.delete?.(call) ?? notAllowed(profile, resource);
    default:
      return notAllowed(profile, resource);
  }
}

function read(call: Call, resource: Resource, query: URLSearchParams): Answer {
  const { profile } = call;
  if (resource.answer !== undefined) return resource.answer(call);
  if (resource.get === undefined) return notAllowed(profile, resource);
  const body = resource.get(call);
  if (body === undefined) return refuse(profile, base.notFound(call.path));
  const asked = applyQuery(profile, body, query, (path) => readPath(call, path));
  if ("refusal" in asked) return asked.refusal;
  // The query does not change what a write to this resource is compared with.
  const etag = etagOf(profile, body);
  return {
    status: 200,
    body: asked.body,
    headers: { Allow: allowedMethods(resource), ...(etag === undefined ? {} : { ETag: etag }) },
  };
}

/** Another resource's body, for `$expand`. */
function readPath(call: Call, target: string): Body | undefined {
  const path = decodePath(target);
  const match = routerOf(call.profile).find(path);
  if (match?.resource.get === undefined) return undefined;
  const inner: Call = { ...call, path, params: match.params };
  return match.resource.gate?.(inner) === undefined ? match.resource.get(inner) : undefined;
}

function authorize(
  ports: ServicePorts,
  request: Request,
  path: string,
  match: Match | undefined,
): Answer | undefined {
  if (match?.resource.isOpen === true && request.method === "GET") return undefined;
  const isLogin =
    request.method === "POST" && path.toLowerCase() === "/redfish/v1/sessionservice/sessions";
  if (isLogin) return undefined;
  const { profile, sessions, traits } = ports;
  const machine = ports.world.machine(ports.name);
  const token = request.headers["x-auth-token"];
  const challenge = profile.wire.challengesBasic
    ? { "WWW-Authenticate": `Basic realm="${profile.vendor}"` }
    : {};
  if (token !== undefined) {
    if (sessions.use(token) !== undefined) return undefined;
    return withHeaders(refuse(profile, base.noSession()), challenge);
  }
  const basic = basicCredentials(request.headers["authorization"]);
  if (basic === undefined) return withHeaders(refuse(profile, base.noSession()), challenge);
  if (checkPassword({ machine, sessions, traits, ...basic })) return undefined;
  return withHeaders(refuse(profile, base.accessDenied(path)), challenge);
}

function redirectOf(profile: Profile, path: string, request: Request): Answer | undefined {
  const rest = request.url.slice(path.length);
  if (profile.wire.redirectsDoubleSlash && path.includes("//")) {
    return moved(path.replaceAll(/\/{2,}/g, "/") + rest);
  }
  const isRedfish = path.startsWith("/redfish/v1");
  const isFile = path.includes("$metadata") || path.endsWith("/odata");
  if (profile.wire.endsWithSlash && isRedfish && !isFile && !path.endsWith("/"))
    return moved(slashed(path) + rest);
  return undefined;
}

function moved(location: string): Answer {
  return {
    status: 308,
    headers: { Location: location },
    contentType: "text/html; charset=utf-8",
    body: `<!DOCTYPE html>\n<title>308 Permanent Redirect</title>\n<h1>308 Permanent Redirect</h1>\n<p><a href="${encodeURI(location)}">The document has moved.</a></p>\n`,
  };
}

/** What a browser finds at a BMC: a page, never JSON. */
function webInterface(path: string): Answer {
  const contentType = "text/html; charset=utf-8";
  if (path === "/")
    return {
      status: 200,
      contentType,
      body: "<!DOCTYPE html>\n<title>Web management</title>\n<h1>Sign in</h1>\n",
    };
  return {
    status: 404,
    contentType,
    body: "<!DOCTYPE html>\n<title>404 - Not Found</title>\n<h1>404 - Not Found</h1>\n",
  };
}

function notAllowed(profile: Profile, resource: Resource): Answer {
  return withHeaders(refuse(profile, base.methodNotAllowed()), { Allow: allowedMethods(resource) });
}

/** Sent with a 405, and with every GET: clients tell by it that a slot without actions takes a PATCH. */
function allowedMethods(resource: Resource): string {
  return [
    resource.get === undefined && resource.answer === undefined ? [] : ["GET", "HEAD"],
    resource.patch === undefined ? [] : ["PATCH"],
    resource.post === undefined ? [] : ["POST"],
    resource.delete === undefined ? [] : ["DELETE"],
  ]
    .flat()
    .join(", ");
}

type Parsed = { readonly value: Body } | { readonly refusal: Answer };

function parseBody(profile: Profile, request: Request): Parsed {
  if (request.method !== "POST" && request.method !== "PATCH") return { value: {} };
  if (request.body === "") {
    const { onMissingBody } = profile.wire;
    if (onMissingBody === null) return { value: {} };
    return { refusal: refuse(profile, { ...base.malformedJson(), status: onMissingBody.status }) };
  }
  try {
    const value: unknown = JSON.parse(request.body);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return { value: value as Body };
  } catch {
    // Answered below, like any other body that is no object.
  }
  if (profile.wire.onMalformedBody === "message")
    return { refusal: refuse(profile, base.malformedJson()) };
  return { refusal: { status: 400, contentType: "text/plain", body: "400 Bad Request" } };
}

function callOf(
  ports: ServicePorts,
  what: Pick<Call, "path" | "body" | "params"> & { readonly key: string | undefined },
): Call {
  const { name, profile, traits, world, sessions } = ports;
  return {
    profile,
    traits,
    sessions,
    machine: world.machine(name),
    hardware: hardwareOf(profile, name),
    now: ports.clock(),
    path: what.path,
    body: what.body,
    params: what.params,
    effects: world.effects.of(name),
    command: (command) => world.command(name, command, what.key),
  };
}

function decodePath(path: string): string {
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // A broken escape names nothing; it stays as it is and finds nothing.
  }
  return decoded.length > 1 ? decoded.replace(/\/+$/, "") || "/" : decoded;
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

/** Headers that every answer has, and the slashes of those that carry a URI. */
function finish(profile: Profile, answer: Answer): Answer {
  const location = answer.headers?.["Location"];
  const isUri = profile.wire.endsWithSlash && location !== undefined && answer.status !== 308;
  const headers = {
    "OData-Version": "4.0",
    "Cache-Control": "no-cache",
    ...(profile.wire.server === undefined ? {} : { Server: profile.wire.server }),
    ...answer.headers,
    ...(isUri ? { Location: slashed(location) } : {}),
  };
  const { body } = answer;
  if (typeof body !== "object") return { ...answer, headers };
  return { ...answer, headers, body: dress(profile, body, answer.headers?.["ETag"]) };
}
