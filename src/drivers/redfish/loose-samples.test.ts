import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { codesIn, refusal } from "./refusal.ts";
import { bodyOf, type Method, type Reply } from "./reply.ts";
import { readEverything } from "./testing/read-everything.ts";
import { recordingsFolder } from "./testing/recorded-service.ts";

const folder = recordingsFolder();
const absence = "the recordings are not beside the repository (SHARED_DIR)";

interface Recorded {
  readonly request: { readonly method: Method; readonly path: string };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const replyOf = (recorded: Recorded): Reply => {
  const text = typeof recorded.body === "string" ? recorded.body : JSON.stringify(recorded.body);
  return {
    method: recorded.request.method,
    path: recorded.request.path,
    status: recorded.status,
    headers: Object.fromEntries(
      Object.entries(recorded.headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    text,
    body: bodyOf(text),
  };
};

/** What each recorded refusal is to the engine, and what of its words a person must see. */
const meanings: Readonly<Record<string, readonly [code: string, says: string]>> = {
  "idrac-403-password-change-required.json": ["BMC_AUTH_FAILED", "Change your password"],
  "idrac-403-xhtml-body.json": ["BMC_REJECTED", "answered 403"],
  "ilo-308-double-slash-redirect.json": ["BMC_REJECTED", "answered 308"],
  "ilo-400-forceoff-when-off.json": ["BMC_BUSY", "InvalidOperationForSystemState (Power is off)"],
  "ilo-400-invalid-reset-type.json": ["BMC_REJECTED", "Invalid ResetType"],
  "ilo-400-malformed-json.json": ["BMC_REJECTED", "could not understand"],
  "ilo-400-on-when-on.json": ["BMC_BUSY", "Power is on"],
  "ilo-400-power-on.json": ["BMC_BUSY", "Power is on"],
  "ilo-400-storage-not-ready-when-off.json": ["BMC_BUSY", "ResourceNotReadyRetry"],
  "ilo-401-access-denied.json": ["BMC_AUTH_FAILED", "denied access"],
  "ilo-404.json": ["BMC_INVALID_RESPONSE", "was not found"],
  "ilo-405-trailing-slash-action.json": ["BMC_UNSUPPORTED", "not allowed"],
  "sushytools-400-patch-plain-text.json": ["BMC_REJECTED", "PATCH only works for Boot"],
  "sushytools-400-vmedia-download.json": ["BMC_REJECTED", "got error 404 from the server"],
  "sushytools-400-vmedia-user-without-password.json": ["BMC_REJECTED", "must be passed together"],
  "sushytools-401-bad-credentials.json": ["BMC_AUTH_FAILED", "Incorrect username or password"],
  "sushytools-401-no-credentials.json": ["BMC_AUTH_FAILED", "Authorization required"],
  "sushytools-404-system.json": ["BMC_INVALID_RESPONSE", "was not found"],
  "sushytools-501-processors.json": ["BMC_UNSUPPORTED", "Not implemented"],
  "sushytools-501-reset-type.json": ["BMC_UNSUPPORTED", "PushPowerButton is not supported"],
  "sushytools-501-storage-volumes.json": ["BMC_UNSUPPORTED", "Not implemented"],
};

const jsonFiles = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => join(entry.parentPath, entry.name));

describe("recorded refusals", () => {
  it("are all listed here", (context) => {
    if (folder === null) return context.skip(absence);
    const refused = readdirSync(join(folder, "samples/errors")).filter(
      (name) => !name.startsWith("ilo-200-"),
    );
    expect(refused.toSorted()).toEqual(Object.keys(meanings).toSorted());
  });

  it.for(Object.entries(meanings))("%s is understood", ([name, [code, says]], context) => {
    if (folder === null) return context.skip(absence);
    const recorded = JSON.parse(
      readFileSync(join(folder, "samples/errors", name), "utf8"),
    ) as Recorded;
    const reply = replyOf(recorded);
    const failure = refusal(reply, 0);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(says);
    expect(failure.message).not.toContain("<");
    expect(failure.details).toMatchObject({
      status: recorded.status,
      path: recorded.request.path,
      messageIds: codesIn(reply),
    });
  });
});

describe("recorded bodies", () => {
  it("never break a reader, and what is odd in them is told", (context) => {
    if (folder === null) return context.skip(absence);
    const files = jsonFiles(join(folder, "samples"));
    expect(files.length).toBeGreaterThan(500);
    const oddities = new Set<string>();
    for (const file of files) {
      const body = bodyOf(readFileSync(file, "utf8"));
      try {
        readEverything(body, (sentence) => oddities.add(sentence));
      } catch (error) {
        throw new Error(`${file} broke a reader`, { cause: error });
      }
    }
    // Cisco's and iDRAC's bare objects where lists belong are among them.
    expect(oddities.size).toBeGreaterThan(0);
  });
});
