import type { Route } from "./endpoint.ts";

/** `/v1/runs/{runId}` as Hono writes it. */
export const honoPath = (path: string): string => path.replaceAll(/\{([^}]+)\}/g, ":$1");

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .split("/")
      .map((part) =>
        part.startsWith("{") ? "[^/]+" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"),
      )
      .join("/")}$`,
  );

/** Which methods a path has, for `OPTIONS` and for `Allow` when another one was tried. */
export function createAllowed(routes: readonly Route[]): (path: string) => readonly string[] {
  const methodsByPath = Map.groupBy(routes, (each) => each.endpoint.path);
  const table = [...methodsByPath].map(([path, each]) => ({
    pattern: patternOf(path),
    methods: each.map(({ endpoint }) => endpoint.method.toUpperCase()),
  }));
  return (path) => {
    const methods = table.filter((row) => row.pattern.test(path)).flatMap((row) => row.methods);
    if (methods.length === 0) return [];
    const implied = methods.includes("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"];
    return [...new Set([...methods, ...implied])].toSorted();
  };
}
