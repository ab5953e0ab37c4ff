import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { ApiDocument } from "#http/api-document.ts";
import type { ApiDependencies, HealthCheck } from "#http/dependencies.ts";
import { docsPage } from "#http/docs-page.ts";
import { type Route, route } from "#http/endpoint.ts";
import { headersFor, single } from "#http/envelope.ts";

/** Health, metrics and the API's own description. All open: they tell nothing about anybody's servers. */

const Readiness = z
  .object({
    status: z.enum(["ready", "degraded"]),
    checks: z.array(
      z.object({
        name: z.string(),
        ok: z.boolean(),
        degraded: z.boolean().optional(),
        message: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "Readiness" });

const operation = { method: "get", tag: "Operations", access: "open" } as const;

const notReady = (checks: readonly HealthCheck[]): Failure => {
  const wrong = checks
    .filter(({ ok }) => !ok)
    .map(({ name, message }) => `${name} (${message ?? "failing"})`);
  return new Failure("UNAVAILABLE", `not ready: ${wrong.join(", ")}`, { details: { checks } });
};

const healthRoutes = (deps: ApiDependencies): Route[] => [
  route(
    {
      ...operation,
      path: "/healthz",
      summary: "Whether the process lives",
      answers: {
        200: { description: "It does", schema: single(z.object({ status: z.literal("alive") })) },
      },
    },
    async () => ({ status: 200, data: { status: "alive" } }),
  ),
  route(
    {
      ...operation,
      path: "/readyz",
      summary: "Whether the process can serve",
      description:
        "503 names what does not work: the database, the migrations, the engine. `degraded`: changes are accepted and kept, and wait for what is named.",
      answers: { 200: { description: "It can", schema: single(Readiness) } },
    },
    async () => {
      const checks = await deps.health();
      if (checks.some(({ ok }) => !ok)) throw notReady(checks);
      const status = checks.some(({ degraded }) => degraded === true) ? "degraded" : "ready";
      return { status: 200, data: { status, checks } };
    },
  ),
  route(
    {
      ...operation,
      path: "/metrics",
      summary: "Metrics for Prometheus",
      answers: { 200: { description: "Prometheus text format", mediaType: "text/plain" } },
    },
    async ({ requestId }) =>
      new Response(await deps.registry.metrics(), {
        headers: headersFor(requestId, { "Content-Type": deps.registry.contentType }),
      }),
  ),
];

/** The page has no script; its one style sheet is inside it. */
const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const documentRoutes = (document: () => ApiDocument): Route[] => {
  const made: { json?: string; html?: string } = {};
  return [
    route(
      {
        ...operation,
        path: "/openapi.json",
        summary: "This document",
        answers: { 200: { description: "OpenAPI 3.1", mediaType: "application/json" } },
      },
      async ({ requestId }) => {
        made.json ??= JSON.stringify(document());
        return new Response(made.json, {
          headers: headersFor(requestId, {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "public, max-age=60",
          }),
        });
      },
    ),
    route(
      {
        ...operation,
        path: "/docs",
        summary: "This document, readable",
        answers: { 200: { description: "HTML", mediaType: "text/html" } },
      },
      async ({ requestId }) => {
        made.html ??= docsPage(document());
        return new Response(made.html, {
          headers: headersFor(requestId, {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": docsPolicy,
            "Cache-Control": "public, max-age=60",
          }),
        });
      },
    ),
  ];
};

export const operationRoutes = (deps: ApiDependencies, document: () => ApiDocument): Route[] => [
  ...healthRoutes(deps),
  ...documentRoutes(document),
];
