import { expect, it } from "vitest";
import { Failure, type FailureCode } from "#contract/failures.ts";
import { toyHead, toyWorkflow } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";

/** What an undo waits for that a step does not. */

describeToys("an undo", (toys) => {
  it.each<[FailureCode, string, number]>([
    ["KUBERNETES_FORBIDDEN", "complete", 5],
    ["KUBERNETES_REJECTED", "incomplete", 1],
  ])("that fails with %s ends %s, its step ends at once", async (code, cleanup, undone) => {
    const tries = { step: 0, undo: 0 };
    const refuse = (): never => {
      throw new Failure(code, "it is not allowed");
    };
    const toy = await toys.open([
      toyWorkflow("server.inspect", toyHead())
        .step("first", {
          expected: "1s",
          poll: { min: "1s", max: "2s" },
          run: async () => {
            tries.step += 1;
            refuse();
          },
          undo: async () => {
            tries.undo += 1;
            if (tries.undo < 5) refuse();
          },
        })
        .result(() => null),
    ]);
    const run = await toy.ended(await toy.begin("server.inspect"));
    expect(run).toMatchObject({ status: "failed", cleanup, error: { code } });
    expect(tries).toEqual({ step: 1, undo: undone });
  });
});
