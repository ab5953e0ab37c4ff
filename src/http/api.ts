import { OpenAPIHono } from "@hono/zod-openapi";
import { Failure } from "#contract/failures.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { answerFailure, errorBody } from "./envelope.ts";
import { type Serving, serveRoute, serveUnrouted } from "./exchange.ts";
import { createRequestHistogram } from "./http-metrics.ts";
import { type ApiDocument, createDocument, registerEndpoint } from "./api-document.ts";
import { createAllowed, honoPath } from "./paths.ts";
import { requestIdOf } from "./request-id.ts";
import { allRoutes } from "./routes/all-routes.ts";
import { failureOf } from "./thrown.ts";

/** The public API as one Hono application, and what its server needs besides. */
export interface Api {
  readonly app: OpenAPIHono;
  /** The OpenAPI document, as served. */
  readonly document: ApiDocument;
  /** The error envelope for what never became a request. */
  malformed(): string;
  /** Ends all event streams and answers what is being held, so that a server can close. */
  release(): void;
}

export function createApi(deps: ApiDependencies): Api {
  const app = new OpenAPIHono();
  const stop = new AbortController();
  const serving: Serving = {
    deps,
    observe: createRequestHistogram(deps.registry),
    stop: stop.signal,
  };
  const known: { document?: ApiDocument } = {};
  const document = (): ApiDocument => (known.document ??= createDocument(app, deps.version));
  const routes = allRoutes(deps, document);
  for (const route of routes) {
    registerEndpoint(app, route.endpoint);
    const { method, path } = route.endpoint;
    app.on(method.toUpperCase(), honoPath(path), (c) => serveRoute(serving, route, c));
  }
  const allowed = createAllowed(routes);
  app.notFound((c) => serveUnrouted(serving, c, allowed(c.req.path)));
  // The routes answer their own failures; what arrives here went wrong outside them.
  app.onError((error, c) => {
    const failure = failureOf(error);
    const now = deps.now();
    const requestId = requestIdOf(c.req.header("x-request-id") ?? null, {
      region: deps.region,
      now,
    });
    deps.log("error", "http request failed outside its route", { requestId, error });
    return answerFailure(failure, { requestId, now });
  });
  return {
    app,
    document: document(),
    malformed() {
      const failure = new Failure("VALIDATION_ERROR", "this is not a well-formed HTTP request");
      const now = deps.now();
      const requestId = requestIdOf(null, { region: deps.region, now });
      return JSON.stringify(errorBody(failure, { requestId, now }));
    },
    release: () => stop.abort(),
  };
}
