import { expect, it } from "vitest";
import { toyHead, toyWorkflow, type ToyEngine } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";
import { nothing, wait, type Workflow } from "./kit.ts";

describeToys("what is too large", (toys) => {
  const open = (...workflows: Workflow[]): Promise<ToyEngine> => toys.open(workflows);

  it("takes nothing into the journal that is too large for it: no memo, no fact, no signal", async () => {
    const huge = "x".repeat(1_100_000);
    const waiting = (memo: unknown) =>
      toyWorkflow("server.inspect", toyHead())
        .step("remember", {
          expected: "1s",
          within: "1h",
          undo: nothing("reads"),
          run: async () => wait("for a bell", { for: "1h", memo }),
        })
        .result(() => null);
    const talking = toyWorkflow("server.register", toyHead())
      .step("tell", {
        expected: "1s",
        undo: nothing("reads"),
        run: async ({ fact }) => fact({ type: "lamp.lit", data: { huge } }),
      })
      .result(() => null);
    const first = await open(waiting({ huge }), talking);
    for (const type of ["server.inspect", "server.register"] as const) {
      const run = await first.ended(await first.begin(type));
      expect(run).toMatchObject({ status: "failed", error: { code: "RUN_LIMIT_EXCEEDED" } });
      expect(JSON.stringify(run).length).toBeLessThan(10_000);
    }
    await first.stop();
    const second = await open(waiting({ small: true }));
    const id = await second.begin("server.inspect");
    await second.until(id, ({ phase }) => phase === "waiting");
    await expect(second.engine.signal(id, "bell", { huge })).rejects.toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
    });
  });
});
