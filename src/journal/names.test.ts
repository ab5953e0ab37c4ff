import { afterAll, beforeAll, expect, it } from "vitest";
import { describeEachBackend, type TestDatabase } from "#test/backends.ts";
import type { Commit } from "./journal.ts";
import { migrate } from "./migrate.ts";
import { openJournal, type OpenJournal } from "./postgres-journal.ts";

/** Clusters and virtual machines at one place have names of their own, whoever asks first and however close together. */
describeEachBackend("names", (backend) => {
  let test: TestDatabase;
  let journal: OpenJournal;
  beforeAll(async () => {
    test = await backend.open();
    await migrate(test.database);
    journal = await openJournal(test.database);
  });
  afterAll(async () => {
    await journal.close();
    await test.drop();
  });

  const place = { management_cluster: "mgmt", namespace: "default" };
  const row = (table: "clusters" | "vms", id: string, columns: object): Commit => ({
    appends: [],
    rows: [
      {
        table,
        id,
        columns: {
          id,
          region: "local",
          project: "default",
          state: "creating",
          ...(table === "clusters" && { driver: "k0rdent" }),
          ...place,
          created_at: new Date(0),
          stream_version: 1,
          body: {},
          ...columns,
        },
      },
    ],
  });
  const ok = { ok: true };
  const takenBy = (holder: string) => ({ ok: false, conflict: { kind: "name", holder } });

  it.each(["clusters", "vms"] as const)("of %s are taken once at a place", async (table) => {
    const one = `${table}_1`;
    expect(await journal.commit(row(table, one, { name: "prod" }))).toEqual(ok);
    expect(await journal.commit(row(table, `${table}_2`, { name: "prod" }))).toEqual(takenBy(one));
    expect(
      await journal.commit(row(table, `${table}_3`, { name: "prod", namespace: "other" })),
    ).toEqual(ok);
    // The row's own later versions are no conflict, and a deleted one's name is free.
    expect(await journal.commit(row(table, one, { name: "prod", state: "deleted" }))).toEqual(ok);
    expect(await journal.commit(row(table, `${table}_4`, { name: "prod" }))).toEqual(ok);
    await journal.commit({ appends: [], rows: [{ table, id: `${table}_4`, columns: null }] });
    expect(await journal.commit(row(table, `${table}_5`, { name: "prod" }))).toEqual(ok);
  });

  it.each(["clusters", "vms"] as const)("of %s go to one of several at once", async (table) => {
    const ids = Array.from({ length: 8 }, (_, index) => `${table}_at_once_${index}`);
    const results = await Promise.all(
      ids.map((id) => journal.commit(row(table, id, { name: "twin" }))),
    );
    const winner = ids[results.findIndex(({ ok: isOk }) => isOk)];
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    for (const result of results) if (!result.ok) expect(result).toEqual(takenBy(winner ?? ""));
  });
});
