import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Run } from "#contract/run.ts";
import {
  type Answer,
  type ApiWorld,
  eventually,
  newServerBody,
  openApiWorld,
  serversPath,
} from "#test/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
beforeEach(() => {
  world.ports.behaviour = "end";
});
afterAll(() => world.close());

const runsPath = "/v1/workflows/runs";
const ended = (id: string): Promise<Run> =>
  eventually(
    async () => (await world.read("GET", `${runsPath}/${id}`)).body.data as Run,
    ({ phase }) => phase === "ended",
  );

/** Starts work that fails; the failed run. */
async function failed(path: string, body: unknown): Promise<Run> {
  world.ports.behaviour = "fail";
  const answer = await world.read("POST", path, { body });
  const run = await ended(String(answer.body.meta["workflowId"]));
  expect(run.status).toBe("failed");
  world.ports.behaviour = "end";
  return run;
}

const failedRegistration = () => failed(serversPath, { ...newServerBody(), displayName: "db-7" });
const failedAction = async () => {
  const { serverId } = await world.registered();
  return failed(`${serversPath}/${serverId}/lifecycle`, { action: "power-on" });
};

const retry = (run: Run, input: object, more: object = {}): Promise<Answer> =>
  world.read("POST", `${runsPath}/${run.id}/retry`, { body: { input, ...more } });

const refusedFields = async (run: Run, input: object, more: object = {}) => {
  const { status, body } = await retry(run, input, more);
  expect([status, body.error?.code]).toEqual([400, "VALIDATION_ERROR"]);
  return body.error.details.fields;
};

const journalHolds = async (text: string): Promise<boolean> => {
  const rows = await world.db.query(
    "select 1 from events where data::text like $1 union all select 1 from runs where input::text like $1",
    [`%${text}%`],
  );
  return rows.length > 0;
};

describe("a retry's edited input", () => {
  it("is checked like the request of a registration", async () => {
    const run = await failedRegistration();
    const otherSecret = "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
    const bad: readonly (readonly [object, Record<string, unknown>])[] = [
      [{ bmcAddress: "not an address" }, { "input.bmcAddress": "is not a host or address" }],
      [{ bmcAddress: null }, { "input.bmcAddress": "is required" }],
      [
        { displayName: "x".repeat(129) },
        { "input.displayName": "must have at most 128 characters" },
      ],
      [{ credentials: otherSecret }, { "input.credentials": "is not a known field" }],
      [
        { serverId: "srv_01KAP5ZV9QJ5T1W7R9D0C3M8XH", region: "r", project: "p", colour: "red" },
        Object.fromEntries(
          ["serverId", "region", "project", "colour"].map((name) => [
            `input.${name}`,
            "is not a known field",
          ]),
        ),
      ],
      [{ password: "only the one" }, { "input.username": "is required" }],
    ];
    for (const [input, fields] of bad) expect(await refusedFields(run, input)).toEqual(fields);
    const plan = await world.read("POST", `${runsPath}/${run.id}/retry?plan=true`, {
      body: { input: { bmcAddress: "not an address" } },
    });
    expect(plan.status).toBe(400);
  });

  it("may bring a right address, and keeps the password that was given", async () => {
    const run = await failedRegistration();
    const { status, body } = await retry(run, { bmcAddress: "10.9.9.9", displayName: null });
    expect(status).toBe(202);
    const again = await ended(String(body.meta["workflowId"]));
    expect(again).toMatchObject({ status: "completed" });
    expect(again.input).toEqual({
      ...(run.input as object),
      bmcAddress: "https://10.9.9.9",
      displayName: null,
    });
  });

  it("may bring a right password, which is sealed and never journalled", async () => {
    const run = await failedRegistration();
    const { status, body } = await retry(run, { username: "root", password: "pa55-the-right" });
    expect(status).toBe(202);
    const again = await ended(String(body.meta["workflowId"]));
    const { credentials } = again.input as { readonly credentials: string };
    expect(credentials).toMatch(/^sec_/);
    expect(again.input).toEqual({ ...(run.input as object), credentials });
    expect(credentials).not.toBe((run.input as { credentials: string }).credentials);
    const stored = await world.db.query("select run_id from secrets where id = $1", [credentials]);
    expect(stored).toEqual([{ run_id: again.id }]);
    expect(await journalHolds("pa55-the-right")).toBe(false);
  });

  it("changes nothing that a reused step has acted on", async () => {
    const run = await failedRegistration();
    const fields = await refusedFields(run, { bmcAddress: "10.9.9.9" }, { fromStep: "act" });
    expect(fields["input.bmcAddress"]).toContain("retry from the start");
    const more = { fromStep: "act" };
    expect((await retry(run, { displayName: "db-8", onFailure: "hold" }, more)).status).toBe(202);
  });

  it("cannot make an action another one", async () => {
    const run = await failedAction();
    expect(await refusedFields(run, { action: "power-off", gracePeriodMs: 0 })).toEqual({
      "input.action": "cannot be edited: ask the server for the other action itself",
      "input.gracePeriodMs": expect.stringContaining("can be 0 only with force") as string,
    });
  });
});
