import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
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

interface Shown {
  readonly id: string;
}

const runOf = (meta: Record<string, unknown>): string => String(meta["workflowId"]);
const ended = (run: string) =>
  eventually(
    async () =>
      (await world.read("GET", `/v1/workflows/runs/${run}`)).body.data as { phase: string },
    ({ phase }) => phase === "ended",
  );

describe("a server under Metal3", () => {
  const managed = (more: object = {}) => ({
    ...newServerBody(),
    provisioner: "metal3",
    ...more,
  });
  const register = (body: object, query = "") =>
    world.read("POST", `${serversPath}${query}`, { body, headers: { prefer: "wait=30" } });

  it("gets its host where new objects are kept, or where the request says", async () => {
    const usual = await register(managed());
    expect([usual.status, usual.body.error]).toEqual([200, undefined]);
    expect(usual.body.data).toMatchObject({
      provisioner: "metal3",
      host: { managementCluster: "mgmt", namespace: "default" },
    });
    const chosen = await register(managed({ managementCluster: "edge" }));
    expect(chosen.body.data).toMatchObject({ host: { managementCluster: "edge" } });
    expect((await register(newServerBody())).body.data).toMatchObject({ host: null });
  });

  it("can be planned", async () => {
    const { status, body } = await register(managed(), "?plan=true");
    expect(status).toBe(200);
    const { steps } = body.data as { readonly steps: readonly { readonly name: string }[] };
    expect(steps.length).toBeGreaterThan(0);
  });

  it.each([
    ["a management cluster that is not configured", { managementCluster: "moon" }, "mgmt, edge"],
    [
      "one for a server without a host",
      { managementCluster: "mgmt", provisioner: "redfish" },
      "only goes with",
    ],
  ])("is refused with %s", async (_what, more, why) => {
    const { status, body } = await register(managed(more));
    expect([status, body.error.code]).toEqual([400, "VALIDATION_ERROR"]);
    expect(body.error.details.fields["managementCluster"]).toContain(why);
  });

  it("is refused, saying what to set, when no management cluster is configured", async () => {
    const bare = await openApiWorld({ kubernetes: null });
    for (const query of ["", "?plan=true"]) {
      const { status, body } = await bare.read("POST", `${serversPath}${query}`, {
        body: managed(),
      });
      expect([status, body.error.code]).toEqual([503, "UNAVAILABLE"]);
      expect(body.error.message).toContain("MILLWRIGHT_KUBECONFIG");
    }
    expect((await bare.read("POST", serversPath, { body: newServerBody() })).status).toBe(202);
    await bare.close();
  });

  it("can be one of a batch, each by itself", async () => {
    const servers = [managed(), managed({ managementCluster: "moon" }), newServerBody()];
    const { body } = await world.read("POST", `${serversPath}/batch`, { body: { servers } });
    const { results } = body.data as { readonly results: readonly { readonly status: number }[] };
    expect(results.map(({ status }) => status)).toEqual([202, 400, 202]);
  });

  it("is given images that Metal3 writes, from the request alone", async () => {
    const { id } = (await register(managed())).body.data as Shown;
    // Not the run's doing here: what it takes to be provisioned.
    await world.db.query(
      "update servers set body = jsonb_set(body, '{rest}', '{\"state\":\"available\"}') where id = $1",
      [id],
    );
    const provision = (image: object, more: object = {}) =>
      world.read("POST", `${serversPath}/${id}/provision?plan=true`, { body: { image, ...more } });
    const url = "https://images.example/debian-13";
    const checksum = "ab".repeat(32);
    const fieldOf = async (answer: ReturnType<typeof provision>) => {
      const { status, body } = await answer;
      return [status, ...Object.keys(body.error?.details.fields ?? {})];
    };
    expect(await fieldOf(provision({ url, format: "iso" }))).toEqual([400, "image.format"]);
    expect(await fieldOf(provision({ url, format: "raw" }))).toEqual([400, "image.checksum"]);
    expect(
      await fieldOf(provision({ url, format: "raw", checksum }, { completion: "callback" })),
    ).toEqual([400, "completion"]);
    expect(await fieldOf(provision({ url, format: "raw", checksum }))).toEqual([200]);
  });

  it("is retried where it was, and under Metal3", async () => {
    world.ports.behaviour = "fail";
    const failed = await world.read("POST", serversPath, {
      body: managed({ managementCluster: "edge" }),
    });
    const run = runOf(failed.body.meta);
    await ended(run);
    world.ports.behaviour = "end";
    const retry = (input: object) =>
      world.read("POST", `/v1/workflows/runs/${run}/retry`, { body: { input } });
    for (const input of [{ provisioner: "redfish" }, { managementCluster: "mgmt" }]) {
      const { status, body } = await retry(input);
      expect(status).toBe(400);
      const [name = ""] = Object.keys(input);
      expect(body.error.details.fields[`input.${name}`]).toContain("cannot be edited");
    }
    const { status, body } = await retry({ displayName: "again" });
    expect(status).toBe(202);
    const again = await world.read("GET", `/v1/workflows/runs/${String((body.data as Shown).id)}`);
    expect(again.body.data).toMatchObject({
      input: { displayName: "again", host: { managementCluster: "edge" } },
    });
  });
});
