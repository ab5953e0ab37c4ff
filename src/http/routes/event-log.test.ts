import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ApiWorld, openApiWorld } from "#test/api-world.ts";
import { SseClient } from "#test/sse-client.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld({ heartbeatMs: 30 });
  for (let count = 0; count < 3; count += 1) await world.registered();
});
afterAll(() => world.close());

describe("the event log", () => {
  it("comes newest first, by type, resource and actor, page by page", async () => {
    const { serverId, runId } = await world.registered();
    const list = async (query: string) =>
      (await world.read("GET", `/v1/events?${query}`)).body.data as {
        type: string;
        stream: string;
        actor: string;
        position: number;
        causation: string | null;
      }[];
    const facts = await list(`resource=${serverId}`);
    expect(facts.every(({ stream, causation }) => stream === serverId && causation === runId)).toBe(
      true,
    );
    const positions = (await list("limit=50")).map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => b - a));
    const steps = await list("type=step.*&type=run.completed&limit=30");
    expect(steps.every(({ type }) => /^(step\.|run\.completed$)/.test(type))).toBe(true);
    expect((await list("actor=admin")).every(({ actor }) => actor === "admin")).toBe(true);
    const first = await world.read("GET", "/v1/events?limit=2&type=run.requested");
    const { nextCursor, total } = first.body.meta["pagination"] as {
      nextCursor: string;
      total: number;
    };
    expect(total).toBeGreaterThan(2);
    const [last] = (first.body.data as { position: number }[]).slice(-1);
    const [next] = await list(`limit=2&type=run.requested&cursor=${nextCursor}`);
    expect(next?.position).toBeLessThan(last?.position ?? 0);
    expect((await world.ask("GET", `/v1/events?cursor=${nextCursor}`)).status).toBe(400);
  });

  it("is followed live and resumed after an event without a gap", async () => {
    const open = async (query: string, headers = {}) =>
      new SseClient(
        await world.ask("GET", `/v1/events?${query}`, {
          headers: { accept: "text/event-stream", ...headers },
        }),
      );
    const client = await open("type=run.*");
    // The stream begins where it is opened; a heartbeat says that it has begun.
    await client.next();
    const { runId } = await world.registered();
    const streamOf = ({ data }: { readonly data: unknown }) => (data as { stream: string }).stream;
    const all: Awaited<ReturnType<SseClient["until"]>> = [];
    // Runs of the tests before may still be ending.
    do all.push(...(await client.until("run.completed")));
    while (all.map(streamOf).at(-1) !== runId);
    const seen = all.filter((event) => streamOf(event) === runId);
    expect(seen.map((event) => [event.event, streamOf(event)])).toEqual([
      ["run.requested", runId],
      ["run.started", runId],
      ["run.completed", runId],
    ]);
    await client.close();
    await world.registered();
    const resumed = await open("type=run.completed", { "last-event-id": seen[0]?.id ?? "" });
    const missed = await resumed.until("run.completed");
    expect(missed.at(-1)).toMatchObject({ data: { stream: runId } });
    expect((await resumed.next())?.event ?? "run.completed").toBe("run.completed");
    await resumed.close();
    const headers = { accept: "text/event-stream", "last-event-id": "1" };
    expect((await world.ask("GET", "/v1/events", { headers })).status).toBe(400);
  });

  it("is not followed after an event of another database, which would skip or wait without a word", async () => {
    await world.registered();
    const { tx, position } = await world.journal.head();
    const resume = async (id: string) => {
      const response = await world.ask("GET", "/v1/events", {
        headers: { accept: "text/event-stream", "last-event-id": id },
      });
      const text = response.status === 200 ? "" : await response.text();
      if (response.status === 200) await response.body?.cancel();
      return [response.status, text] as const;
    };
    expect(await resume(`${tx}.${position}`)).toEqual([200, ""]);
    expect(await resume("0.0")).toEqual([200, ""]);
    // From the future of this one, from its past, and of a transaction that wrote another event.
    for (const id of [`${Number(tx) + 10_000}.${position}`, `4.1`, `${tx}.${position + 1}`]) {
      const [status, text] = await resume(id);
      expect([id, status]).toEqual([id, 400]);
      expect(text).toContain("VALIDATION_ERROR");
      expect(text).toContain("Last-Event-ID is not the cursor of an event in this log");
    }
  });
});
