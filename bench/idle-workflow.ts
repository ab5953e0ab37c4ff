import { nothing } from "#engine/kit.ts";
import { toyHead, toyWorkflow } from "#test/toy-engine.ts";

/** A run of one step that does nothing: what is left is the engine. */
export const idleWorkflow = toyWorkflow("server.inspect", toyHead())
  .step("nothing", {
    expected: "1s",
    undo: nothing("the step does nothing"),
    run: async () => undefined,
  })
  .result(() => null);
