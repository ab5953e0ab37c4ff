/** A process that opens a database, as its last user left it, and asks it one question: the floor of a restart. */
const runningAt = Date.now();
const { say } = await import("./child.ts");
say("running", { at: runningAt });
const { openPlace } = await import("./databases.ts");
const database = await openPlace(
  JSON.parse(process.argv[2] ?? "") as Parameters<typeof openPlace>[0],
);
await database.query("select count(*) from runs");
say("answered");
// It is ended from outside, as hard as the one before, so that the next to open finds the same.
setInterval(() => undefined, 60_000);

export {};
