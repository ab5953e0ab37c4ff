import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";

/**
 * Serves a recorded Redfish tree (one `index.json` per resource) over HTTPS: paths without regard to case or a
 * trailing slash, pages from the folders whose names hold the query, `$expand` of one level where the recorded
 * service offers it, and sessions as every service has them.
 */
export interface RecordedService {
  readonly address: string;
  /** Paths that were asked for and are not in the recording. */
  readonly absent: Set<string>;
  close(): Promise<void>;
}

const listing = (tree: string): ReadonlyMap<string, string> => {
  const files = new Map<string, string>();
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name !== "index.json") continue;
    const url = entry.parentPath.slice(tree.length).replaceAll("\\", "/");
    files.set(url.toLowerCase(), join(entry.parentPath, entry.name));
  }
  return files;
};

const keyOf = (path: string): string => decodeURI(path).replace(/\/+$/, "").toLowerCase();

type Resource = Record<string, unknown>;

export const serveRecorded = async (tree: string): Promise<RecordedService> => {
  const files = listing(tree);
  const absent = new Set<string>();
  const read = (path: string): Resource | null => {
    const file = files.get(keyOf(path));
    return file === undefined ? null : (JSON.parse(readFileSync(file, "utf8")) as Resource);
  };
  const idOf = (member: unknown): string => String((member as Resource)["@odata.id"]);
  const expand = (resource: Resource): Resource => ({
    ...resource,
    ...(Array.isArray(resource["Members"])
      ? { Members: resource["Members"].map((member) => read(idOf(member)) ?? member) }
      : {}),
  });
  const answer = (url: string): Resource | null => {
    const [path = "", query = ""] = url.split("?");
    if (query.startsWith("$expand")) {
      const resource = read(path);
      return resource === null ? null : expand(resource);
    }
    return query === "" ? read(path) : (read(`${path}?${query}`) ?? read(path));
  };
  const server: Server = createServer(await makeCertificate("recorded"), (request, response) => {
    const url = request.url ?? "/";
    if (request.method === "POST" && /\/sessions\/?$/i.test(url)) {
      request.resume();
      response.writeHead(201, { "X-Auth-Token": "recorded", Location: `${url}/1` }).end("{}");
      return;
    }
    if (request.method === "DELETE") {
      response.writeHead(204).end();
      return;
    }
    const body = answer(url);
    if (body === null) absent.add(url);
    response
      .writeHead(body === null ? 404 : 200, { "Content-Type": "application/json" })
      .end(JSON.stringify(body ?? { error: { code: "Base.1.0.ResourceMissingAtURI" } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    absent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** The folder of recordings beside the repository, null where it is not. In CI its absence is an error. */
export const recordingsFolder = (): string | null => {
  const shared = process.env["SHARED_DIR"] ?? join(process.cwd(), "..", "shared");
  const folder = join(shared, "redfish");
  if (existsSync(join(folder, "MANIFEST.json"))) return folder;
  if (process.env["CI"] !== undefined) throw new Error(`no recordings in ${folder}`);
  return null;
};
