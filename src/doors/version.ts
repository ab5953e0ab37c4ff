import { readFileSync } from "node:fs";

/** The version in package.json, which is two folders up from here in every checkout. */
const read = (): string => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
};

export const VERSION = read();
