import https from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCertificate } from "./certificate.ts";
import { Listener } from "./listener.ts";

let listener: Listener;
let port = 0;

beforeAll(async () => {
  const options = { now: Date.now(), isExpired: false };
  listener = new Listener(await createCertificate("bmc", options), {
    serve: ({ url }) =>
      url === "/odd" ? Promise.reject(new Error("odd")) : Promise.resolve({ status: 204 }),
    disturb: () => undefined,
    isDown: () => false,
  });
  port = await listener.listen("127.0.0.1", 0);
});
afterAll(() => listener.close());

function post(path: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "content-length": Buffer.byteLength(body) };
    const request = https.request({
      host: "127.0.0.1",
      port,
      path,
      method: "POST",
      agent: false,
      headers,
      rejectUnauthorized: false,
    });
    request.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("a body that is larger than a BMC takes is refused, and the next request answered", async () => {
  expect(await post("/", "x".repeat(2 * 1024 * 1024))).toBe(413);
  expect(await post("/", "{}")).toBe(204);
});

test("a request that nobody foresaw loses its connection, not the lab", async () => {
  await expect(post("/odd", "{}")).rejects.toThrow();
  expect(await post("/", "{}")).toBe(204);
});
