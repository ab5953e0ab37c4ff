import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { Child } from "./child.ts";
import type { Place } from "./databases.ts";

/** A control plane in a process of its own, asked over HTTP. */

export const adminKey = "mk_bench-0123456789abcdef";
export const serversPath = "/v1/regions/local/projects/default/infrastructure/servers";

export const startPlant = (place: Place, env: Readonly<Record<string, string>> = {}): Child =>
  new Child("./control-plane.child.ts", {
    args: [],
    env: {
      MILLWRIGHT_PORT: "0",
      MILLWRIGHT_DATA_DIR: place.dir,
      MILLWRIGHT_ADMIN_KEY: adminKey,
      MILLWRIGHT_LOG_LEVEL: "silent",
      ...(place.kind === "postgres" && { MILLWRIGHT_DATABASE_URL: place.url }),
      ...env,
    },
  });

export const registration = (bmcAddress: string): string =>
  JSON.stringify({ bmcAddress, username: "root", password: "not a secret here", inspect: false });

/** A BMC that takes every connection and never says a word: whoever calls it waits. */
export interface SilentBmc {
  readonly address: string;
  /** Resolves at the next connection from now on, with its time, ms since 1970. */
  called(): Promise<number>;
  close(): Promise<void>;
}

export async function openSilentBmc(): Promise<SilentBmc> {
  let tell: ((at: number) => void) | null = null;
  const server: Server = createServer((socket) => {
    tell?.(Date.now());
    tell = null;
    socket.on("error", () => undefined);
    sockets.add(socket);
  });
  const sockets = new Set<{ destroy(): unknown }>();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    called: () =>
      new Promise((resolve) => {
        tell = resolve;
      }),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
