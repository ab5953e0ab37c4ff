import { expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { toyHead, toyWorkflow } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";
import { nothing } from "./kit.ts";

/** What the engine tells operators: its status and its log. */

const reject = async (): Promise<never> => {
  throw new Failure("BMC_REJECTED", "the lamp says no");
};

describeToys("what the engine tells", (toys) => {
  it("counts its start as a look for work, before there was time for one", async () => {
    const before = Date.now();
    const toy = await toys.open([]);
    const { working, lastClaimAt } = toy.engine.status;
    expect(working).toBe(true);
    expect(lastClaimAt).toBeGreaterThanOrEqual(before);
  });

  it("logs an expected failure in words, and a stranger whole", async () => {
    const logged: (readonly [string, unknown, unknown])[] = [];
    const stranger = new TypeError("no lamp");
    const toy = await toys.open(
      [
        toyWorkflow("server.inspect", toyHead())
          .step("first", { expected: "1s", undo: nothing("reads"), run: reject })
          .result(() => null),
        toyWorkflow("server.provision", toyHead())
          .step("first", {
            expected: "1s",
            undo: nothing("reads"),
            run: async () => {
              throw stranger;
            },
          })
          .result(() => null),
      ],
      {
        log: (level, event, fields) => {
          if (event === "step failed") logged.push([level, fields?.["reason"], fields?.["error"]]);
        },
      },
    );
    await toy.ended(await toy.begin("server.inspect"));
    await toy.ended(await toy.begin("server.provision"));
    expect(logged).toEqual([
      ["warn", "the lamp says no", undefined],
      ["error", "an unexpected error; the log has the cause", stranger],
    ]);
  });
});
