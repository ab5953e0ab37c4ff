import http from "node:http";
import https from "node:https";
import type { Callback } from "#lab/world/machine.ts";
import type { Network } from "#lab/world/world.ts";
import { inspectMedium } from "./inspect.ts";

const answerTimeoutMs = 10_000;

/** The real network: images are read, and installers' messages sent, over HTTP. */
export const network: Network = {
  readMedia: (machine) =>
    Promise.all(
      Object.entries(machine.media).map(([slot, medium]) => inspectMedium(slot, medium.image)),
    ),
  deliver: post,
};

function post(callback: Callback): Promise<boolean> {
  return new Promise((resolve) => {
    const body = JSON.stringify(callback.body);
    const isSecure = callback.url.startsWith("https:");
    const send = isSecure ? https.request : http.request;
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const options = { method: "POST", headers, timeout: answerTimeoutMs };
    try {
      const request = send(
        callback.url,
        { ...options, ...(isSecure ? { rejectUnauthorized: false } : {}) },
        (response) => {
          const status = response.statusCode ?? 0;
          response.resume();
          resolve(status >= 200 && status < 300);
        },
      );
      request.on("timeout", () => request.destroy(new Error("timeout")));
      request.on("error", () => resolve(false));
      request.end(body);
    } catch {
      // Node refuses a malformed URL at once; an installer would only see that it cannot reach it.
      resolve(false);
    }
  });
}
