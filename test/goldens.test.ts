import { expect, it } from "vitest";
import { goldens, readGolden } from "./goldens.ts";

it.each([...goldens])("$path is as the sources make it (npm run goldens)", (golden) => {
  // Line by line, so that a failure shows what differs and not two files.
  expect(readGolden(golden)?.split("\n")).toEqual(golden.make().split("\n"));
});
