import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import { RunId } from "#contract/ids.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { answerFailure, headersFor, single } from "#http/envelope.ts";
import { byteRange } from "#http/byte-range.ts";

/** What installers and BMCs reach: they hold no API key, but an address that only we can have made. */

const Params = z.strictObject({
  runId: RunId,
  token: z.string().regex(/^[A-Za-z0-9_-]{16,128}$/, "must be a token as in the address given out"),
});

const CallbackBody = z
  .strictObject({
    status: z.enum(["installed", "failed"]),
    message: z.string().max(2_000).optional(),
  })
  .meta({ id: "InstallerCallback" });

const nothingHere = (): Failure => new Failure("NOT_FOUND", "there is nothing at this address");

const callbackRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "post",
      path: "/v1/callbacks/{runId}/{token}",
      tag: "Machines",
      summary: "An installer's report",
      description:
        "Posted by the installer at the end, to the address on its config drive. Wakes the run that waits for it, or the one that has taken it over by a retry; a repeat replaces the first report.",
      access: "open",
      params: Params,
      body: { schema: CallbackBody, example: { status: "installed" } },
      answers: {
        200: {
          description: "Heard",
          schema: single(z.object({ runId: RunId, status: CallbackBody.shape.status })),
        },
      },
      refusals: ["NOT_FOUND"],
    },
    async ({ params: { runId, token }, body }) => {
      if (!deps.verifyCallback(runId, token)) throw nothingHere();
      await deps.engine.signal(runId, "installer", { ...body, at: deps.now() });
      return { status: 200, data: { runId, status: body.status } };
    },
  );

const mediaRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: "/v1/media/{runId}/{token}/config.iso",
      tag: "Machines",
      summary: "A run's config drive",
      description:
        "The NoCloud volume that a BMC mounts as virtual media. Ranges are served, because BMCs read an image in pieces.",
      access: "open",
      params: Params,
      headers: { Range: "One range of bytes" },
      answers: {
        200: { description: "The whole volume", mediaType: "application/octet-stream" },
        206: { description: "The range asked for", mediaType: "application/octet-stream" },
      },
      refusals: ["NOT_FOUND"],
    },
    async ({ params: { runId, token }, headers: given, requestId }) => {
      const bytes = await deps.configDrive(runId, token);
      if (bytes === null) throw nothingHere();
      const size = bytes.byteLength;
      const range = byteRange(given.get("range"), size);
      if (range === "unsatisfiable") {
        const failure = new Failure("VALIDATION_ERROR", `the volume has ${size} bytes`, {
          details: { fields: { Range: `must begin within ${size} bytes` } },
        });
        return answerFailure(
          failure,
          { requestId, now: deps.now() },
          { status: 416, headers: { "Content-Range": `bytes */${size}` } },
        );
      }
      const part = range === null ? bytes : bytes.subarray(range.from, range.to + 1);
      const headers = headersFor(requestId, {
        "Content-Type": "application/octet-stream",
        "Content-Length": String(part.byteLength),
        "Accept-Ranges": "bytes",
        ...(range !== null && { "Content-Range": `bytes ${range.from}-${range.to}/${size}` }),
      });
      // A copy of its own buffer: the answer outlives whatever the drive's bytes are part of.
      return new Response(Uint8Array.from(part), { status: range === null ? 200 : 206, headers });
    },
  );

export const machineRoutes = (deps: ApiDependencies): Route[] => [
  callbackRoute(deps),
  mediaRoute(deps),
];
