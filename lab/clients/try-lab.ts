import { mkdtempSync, rmSync } from "node:fs";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { startLab } from "#lab/lab.ts";
import type { Lab } from "#lab/lab.ts";
import type { Options } from "#lab/options.ts";

/** A lab in a folder of its own, on free ports, for one test file. */
export interface TryLab {
  readonly lab: Lab;
  readonly dataDir: string;
  readonly control: <T>(method: "GET" | "POST", path: string, body?: unknown) => Promise<T>;
  readonly bmc: (name: string) => Promise<TryBmc>;
  readonly end: () => Promise<void>;
}

export interface Entry {
  readonly name: string;
  readonly address: string;
  readonly username: string;
  readonly password: string;
  readonly fingerprint256: string;
}

export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed, when it is JSON; a text otherwise. */
  readonly body: Record<string, unknown>;
  readonly text: string;
  /** Of the certificate that was shown. */
  readonly fingerprint256: string;
}

export interface TryBmc extends Entry {
  readonly send: (method: string, path: string, more?: Sent) => Promise<Response>;
  readonly get: (path: string) => Promise<Response>;
  readonly post: (path: string, body?: unknown) => Promise<Response>;
}

interface Sent {
  readonly body?: unknown;
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Basic with the listed credentials, unless another header or `none`. */
  readonly auth?: "none";
}

export async function tryLab(options: Partial<Options> = {}): Promise<TryLab> {
  const dataDir = options.dataDir ?? mkdtempSync(path.join(tmpdir(), "lab-"));
  const lab = await startLab({
    host: "127.0.0.1",
    port: 0,
    servers: 8,
    speed: 1000,
    portBase: null,
    hasNamedFaults: false,
    hasKubernetes: false,
    kubernetesPort: 0,
    ...options,
    dataDir,
  });
  const control = async <T>(method: "GET" | "POST", at: string, body?: unknown): Promise<T> => {
    const answer = await fetch(lab.url + at, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await answer.json()) as T;
  };
  return {
    lab,
    dataDir,
    control,
    bmc: async (name) => tryBmc(await control<Entry>("GET", `/_lab/bmcs/${name}`)),
    end: async () => {
      await lab.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export function tryBmc(entry: Entry): TryBmc {
  const send = (method: string, at: string, sent: Sent = {}): Promise<Response> =>
    request(entry, method, at, sent);
  return {
    ...entry,
    send,
    get: (at) => send("GET", at),
    post: (at, body = {}) => send("POST", at, { body }),
  };
}

function request(entry: Entry, method: string, at: string, sent: Sent): Promise<Response> {
  const basic = Buffer.from(`${entry.username}:${entry.password}`).toString("base64");
  const text = sent.rawBody ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
  const headers = {
    ...(sent.auth === "none" || sent.headers?.["X-Auth-Token"] !== undefined
      ? {}
      : { authorization: `Basic ${basic}` }),
    ...(text === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
    ...sent.headers,
  };
  return new Promise((resolve, reject) => {
    const message = https.request(
      entry.address + at,
      { method, headers, rejectUnauthorized: false, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        const socket = response.socket as unknown as {
          getPeerCertificate: () => { fingerprint256: string };
        };
        const { fingerprint256 } = socket.getPeerCertificate();
        response.on("end", () => {
          const received = Buffer.concat(chunks).toString("utf8");
          const isJson =
            response.headers["content-type"]?.includes("json") === true && received !== "";
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: isJson ? (JSON.parse(received) as Record<string, unknown>) : {},
            text: received,
            fingerprint256,
          });
        });
      },
    );
    message.on("error", reject);
    message.end(text);
  });
}

/** The value, which the test knows to be there. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("nothing is there");
  return value;
}

/** Asks again and again until the answer is the wanted one; gives up after half a minute. */
export async function until<T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
): Promise<T> {
  const endsAt = Date.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (Date.now() > endsAt) throw new Error(`still ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
