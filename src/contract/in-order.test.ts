import { expect, it } from "vitest";
import { z } from "zod";
import { inOrder } from "./in-order.ts";

it("writes known fields in the schema's order at every depth, and leaves everything else as it is", () => {
  const schema = z.object({
    name: z.string(),
    parts: z.array(z.object({ size: z.number(), id: z.string() })).nullable(),
    tags: z.record(z.string(), z.string()),
    note: z.string().optional(),
  });
  const stored = { tags: { b: "1", a: "2" }, more: 1, parts: [{ id: "x", size: 2 }], name: "n" };
  const text = JSON.stringify(inOrder(schema, stored));
  expect(text).toBe('{"name":"n","parts":[{"size":2,"id":"x"}],"tags":{"b":"1","a":"2"},"more":1}');
  expect(inOrder(schema, { ...stored, parts: null }).parts).toBeNull();
});
