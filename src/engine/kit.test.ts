import { expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { nothing, wait, workflowKit } from "./kit.ts";

interface Env {
  ports: { lamp: { set(on: boolean): Promise<void> } };
  resource: { name: string };
  fact: { type: "lamp.lit"; data: { on: boolean } };
}

const workflow = workflowKit<Env>();
const head = {
  version: 1,
  summary: "Lights a lamp.",
  input: z.object({ serverId: z.string() }),
  resource: ({ input }: { input: { serverId: string } }) => ({
    type: "server" as const,
    id: input.serverId,
  }),
  onFailure: "undo" as const,
};

it("builds a table whose later steps see the earlier outputs by name and type", () => {
  const lighting = workflow("server.lifecycle", head)
    .step("look", {
      expected: "1s",
      output: z.object({ brightness: z.number() }),
      undo: nothing("looking changes nothing"),
      run: async () => ({ brightness: 3 }),
    })
    .step("light", {
      expected: "2s",
      run: async ({ prior, ports }) => {
        expectTypeOf(prior.look.brightness).toEqualTypeOf<number>();
        await ports.lamp.set(true);
      },
      undo: async ({ ports, output }) => {
        expectTypeOf(output).toEqualTypeOf<void | undefined>();
        await ports.lamp.set(false);
      },
    })
    .pivot("light cannot be unseen")
    .step("rest", { expected: "1m", run: async () => wait("it is bright", { for: "5s" }) })
    .result(({ prior }) => prior.look.brightness);

  expect(lighting.steps.map((step) => step.name)).toEqual(["look", "light", "rest"]);
  expect(lighting.pivot).toEqual({ before: 2, reason: "light cannot be unseen" });
});

it("refuses a step that may be skipped and whose output takes no null", () => {
  const maybe = { expected: "1s", undo: nothing("reads"), skipWhen: () => "not today" } as const;
  const make = (output: z.ZodType<number | null>): unknown =>
    workflow("server.lifecycle", head).step("look", { ...maybe, output, run: async () => 3 });
  expect(() => make(z.number())).toThrow("look may be skipped");
  make(z.number().nullable());
});

it("refuses, at compile time, a step before the pivot without undo and one after it with undo", () => {
  const start = workflow("server.lifecycle", head);
  // @ts-expect-error undo is missing
  start.step("careless", { expected: "1s", run: async () => undefined });
  start
    .pivot("gone")
    // @ts-expect-error there is no undo past the pivot
    .step("pretend", { expected: "1s", run: async () => undefined, undo: nothing("no") });
  start.step("blind", {
    expected: "1s",
    undo: nothing("reads"),
    // @ts-expect-error there is no earlier step of that name
    run: async ({ prior }) => prior.nobody,
  });
});

it("refuses two steps of one name", () => {
  const step = { expected: "1s" as const, run: async () => undefined, undo: nothing("x") };
  // @ts-expect-error the name is taken
  expect(() => workflow("server.lifecycle", head).step("one", step).step("one", step)).toThrow(
    /two steps/,
  );
});
