import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { machineAddresses, readConfigDrive, type MachineAddresses } from "#doors/config-drive.ts";
import type { Journal } from "#journal/journal.ts";
import type { SecretStore } from "#journal/secrets.ts";
import type { Cipher } from "#platform/cipher.ts";

/** A small door for machines, in the place of the API: it serves config drives and takes installers' call-backs. */
export interface Door {
  readonly addresses: MachineAddresses;
  close(): Promise<void>;
}

export async function openDoor(what: {
  readonly journal: Journal;
  readonly secrets: SecretStore;
  readonly cipher: Cipher;
  readonly signal: (run: string, name: string, data: unknown) => Promise<void>;
}): Promise<Door> {
  const { journal, secrets, cipher, signal } = what;
  let origin = "";
  const addresses = machineAddresses(cipher, () => origin);
  const drive = readConfigDrive({ journal, secrets, addresses });
  const server = createServer((request, response) => {
    const [, , kind = "", run = "", token = ""] = (request.url ?? "").split("/");
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answer = async (): Promise<void> => {
        if (kind === "callbacks" && addresses.verify(run, token)) {
          const report = JSON.parse(Buffer.concat(chunks).toString()) as object;
          await signal(run, "installer", { ...report, at: Date.now() });
          response.writeHead(204).end();
          return;
        }
        const bytes = await drive(run, token);
        if (kind !== "media" || bytes === null) return void response.writeHead(404).end();
        // BMCs read media in blocks.
        const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
        const part =
          range === null ? bytes : bytes.subarray(Number(range[1]), Number(range[2]) + 1);
        const status = range === null ? 200 : 206;
        response.writeHead(status, { "content-length": part.byteLength }).end(part);
      };
      answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    addresses,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
