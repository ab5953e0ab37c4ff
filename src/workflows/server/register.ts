import { z } from "zod";
import { failureCodes, Failure } from "#contract/failures.ts";
import { RunId, type ServerId } from "#contract/ids.ts";
import { ServerRegisterInput } from "#contract/server-inputs.ts";
import type { ServerFact } from "#contract/server.ts";
import { usableSerial, usableUuid } from "#domain/server/identity.ts";
import { nothing, skip, wait } from "#engine/kit.ts";
import { writing } from "#workflows/kubernetes.ts";
import { awaitEnrolled, theHostOf, unenroll, unlessMetal3 } from "./host.ts";
import { type ServerContext, bmcRef, reading, workflow } from "./kit.ts";

const Identified = z.object({
  systemPath: z.string(),
  uuid: z.string().nullable(),
  serial: z.string().nullable(),
  manufacturer: z.string().nullable(),
  model: z.string().nullable(),
  fingerprint256: z.string().nullable(),
  bmc: z.object({
    vendor: z.string().nullable(),
    model: z.string().nullable(),
    firmwareVersion: z.string().nullable(),
  }),
});
type Identified = z.infer<typeof Identified>;

/** How the inspection that the registration started ended; null when none was asked for. */
const FirstInspection = z
  .object({
    run: RunId,
    status: z.enum(["completed", "failed", "cancelled"]),
    error: z.object({ code: z.enum(failureCodes), message: z.string() }).nullable(),
  })
  .nullable();

/**
 * server.register: makes a machine known by its BMC.
 *
 *   connect ▶ identify ▶ store-credentials ▶ create-record ▶ enroll ▶ inspect-now
 *
 * Until it is complete, a failure leaves nothing behind: the record goes, and so does the server's claim to the
 * credentials (which live on for as long as this run can be retried). There is no pivot.
 *
 * One machine is one server. `identify` refuses a machine that is known; because two registrations may pass
 * that at the same moment, each makes the identity known first and `create-record` looks once more. Of several
 * under way the oldest goes on: the others are refused, and it waits until none of them can become a server.
 */
export const serverRegister = workflow("server.register", {
  version: 1,
  summary: "Makes a machine known by its BMC and inspects it.",
  input: ServerRegisterInput,
  resource: ({ input }) => ({ type: "server", id: input.serverId }),
  onFailure: ({ input }) => input.onFailure,
  secrets: ({ input }) => [{ name: "credentials", id: input.credentials }],
})
  .step("connect", {
    expected: "2s",
    output: z.object({
      fingerprint256: z.string(),
      redfishVersion: z.string(),
      vendor: z.string().nullable(),
      auth: z.enum(["session", "basic"]),
    }),
    undo: nothing("connecting changes nothing"),
    run: (context) => context.ports.bmc.connect(bmcRef(context.input), reading(context)),
  })
  .step("identify", {
    expected: "3s",
    output: Identified,
    undo: nothing("reading who the machine is changes nothing"),
    run: async (context) => {
      const { input, prior, ports, fact } = context;
      const pinned = pinnedBy(input, prior.connect.fingerprint256);
      const identity = await ports.bmc.identify(
        bmcRef({ ...input, tls: { ...input.tls, fingerprint256: pinned } }),
        reading(context),
      );
      const identified = {
        ...identity,
        uuid: usableUuid(identity.uuid),
        serial: usableSerial(identity.serial),
        fingerprint256: pinned,
      };
      await rivalOf(context, input.bmcAddress, identified);
      fact(identifiedFact(identified));
      return identified;
    },
  })
  .step("store-credentials", {
    expected: "1s",
    run: ({ input, ports }) => ports.secrets.adopt(input.credentials, input.serverId),
    undo: ({ input, ports }) => ports.secrets.release(input.credentials, input.serverId),
  })
  .step("create-record", {
    expected: "1s",
    run: async (context) => {
      const { input, prior, resource, fact } = context;
      // The steps before may have been another run's, whose record is gone; then the identity is made known here.
      if (!resource.identified) {
        fact(identifiedFact(prior.identify));
        return wait("making the machine's identity known", { for: "250ms" });
      }
      const rival = await rivalOf(context, input.bmcAddress, prior.identify);
      if (rival !== null)
        return wait(
          `the same machine is being registered as ${rival} too; waiting for its refusal`,
          {
            for: "2s",
          },
        );
      fact({ type: "server.registered", data: {} });
      return undefined;
    },
    undo: async ({ fact }) => fact({ type: "server.registration_undone", data: {} }),
  })
  .step("enroll", {
    skipWhen: unlessMetal3("this server is not managed by Metal3"),
    expected: "15s",
    within: "30m",
    poll: { min: "2s", max: "15s" },
    run: async (context) => {
      const { input, prior, ports, resource } = context;
      const host = theHostOf(resource);
      const { systemPath, fingerprint256 } = prior.identify;
      const wanted = {
        bmc: bmcRef({ ...input, tls: { ...input.tls, fingerprint256 } }),
        systemPath,
        vendor: prior.identify.bmc.vendor,
        bootMacAddress: null,
        bootMode: "UEFI" as const,
        online: false,
        labels: {},
      };
      await ports.hosts.enroll(host, wanted, writing(context));
      return (await awaitEnrolled(context, host)) ?? undefined;
    },
    undo: async (context) => (await unenroll(context, theHostOf(context.resource))) ?? undefined,
  })
  .step("inspect-now", {
    expected: "50s",
    within: "90m",
    output: FirstInspection,
    run: async ({ input, child }) => {
      if (!input.inspect) return skip("the request said not to inspect", null);
      const state = await child.state();
      if (state === null) {
        const run = await child.start("server.inspect", { serverId: input.serverId });
        return wait(`the first inspection is under way (run ${run})`, { wakesOn: `run ${run}` });
      }
      const { run, status, error } = state;
      if (status === "pending" || status === "running")
        return wait(`the first inspection is under way (run ${run})`, { wakesOn: `run ${run}` });
      return { run, status, error };
    },
    undo: async ({ child }) => {
      const state = await child.state();
      if (state === null || (state.status !== "pending" && state.status !== "running")) return;
      await child.cancel("the registration that started this inspection is being undone");
      return wait(`waiting for the first inspection to stop (run ${state.run})`, {
        wakesOn: `run ${state.run}`,
      });
    },
  })
  .result(({ input, prior }) => ({
    serverId: input.serverId,
    uuid: prior.identify.uuid,
    serial: prior.identify.serial,
    manufacturer: prior.identify.manufacturer,
    model: prior.identify.model,
    fingerprint256: prior.connect.fingerprint256,
    inspection: prior["inspect-now"],
  }));

/** The certificate to insist on from now on: the one that was asked for, else the one seen first. */
const pinnedBy = ({ tls }: ServerRegisterInput, seen: string): string | null =>
  tls.mode === "pin" ? (tls.fingerprint256 ?? seen) : null;

const identifiedFact = ({ systemPath: _path, ...data }: Identified): ServerFact => ({
  type: "server.identified",
  data,
});

/**
 * Refuses a machine that is a server already, or is about to become one by an older registration. Answers with a
 * younger registration of it that is under way, null when there is none.
 */
async function rivalOf(
  context: ServerContext,
  bmcAddress: string,
  { uuid, serial, manufacturer }: Identified,
): Promise<ServerId | null> {
  const { ports, run } = context;
  const found = await ports.directory.findServer(
    { uuid, serial, manufacturer, bmcAddress, except: run.resourceId },
    reading(context),
  );
  if (found === null) return null;
  // Ids are made at the request and grow with time.
  if (found.registering && found.id > run.resourceId) return found.id;
  const names = [uuid && `UUID ${uuid}`, serial && `serial number ${serial}`].filter(Boolean);
  const machine = `the machine at ${bmcAddress}${names.length === 0 ? "" : ` (${names.join(", ")})`}`;
  throw new Failure(
    "DUPLICATE_SERVER",
    found.registering
      ? `${machine} is being registered already as ${found.id}; wait for that registration to end`
      : `${machine} is registered already as ${found.id}; use that server, or decommission it first`,
    { details: { serverId: found.id, uuid, serial, bmcAddress } },
  );
}
