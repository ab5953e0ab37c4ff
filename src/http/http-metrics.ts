import { Histogram, type Registry } from "prom-client";

/** Seconds from the request's arrival to its answer's head; a stream or a held answer counts until it begins. */
export type ObserveRequest = (
  labels: { readonly method: string; readonly route: string; readonly status: number },
  seconds: number,
) => void;

/** Routes are patterns, never paths, and unknown methods are one: labels must not grow with what callers send. */
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export function createRequestHistogram(registry: Registry): ObserveRequest {
  const histogram = new Histogram({
    name: "millwright_http_request_seconds",
    help: "Time to answer HTTP requests, by method, route and status",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers: [registry],
  });
  return ({ method, route, status }, seconds) => {
    histogram.observe(
      { method: methods.has(method) ? method : "other", route, status: String(status) },
      seconds,
    );
  };
}
