import { expect, it } from "vitest";
import { BoundedMap } from "./bounded-map.ts";

it("forgets what was set longest ago", () => {
  const map = new BoundedMap<number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  expect(map.values()).toEqual([3, 4]);
  expect(map.get("b")).toBeUndefined();
  map.delete("a");
  expect(map.values()).toEqual([4]);
});
