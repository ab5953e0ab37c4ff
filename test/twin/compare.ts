import { isDeepStrictEqual } from "node:util";
import type { Played } from "./script.ts";

/** Where the two differ: the request, the place in its answer, and what is there. */
export interface Difference {
  readonly line: string;
  readonly at: string;
  readonly lab: unknown;
  readonly real: unknown;
}

/** Every place where two answers differ, in the order of requests; the order of JSON's keys does not matter. */
export function differences(lab: readonly Played[], real: readonly Played[]): Difference[] {
  return real.flatMap(({ line, answer, except }, index) => {
    if (except === "all") return [];
    const [ours, theirs] = [lab[index]?.answer, answer].map((one) =>
      plain(one, except === "words"),
    );
    return [...placesOf(ours, theirs, "")].map((place) => ({ line, ...place }));
  });
}

function* placesOf(lab: unknown, real: unknown, at: string): Generator<Omit<Difference, "line">> {
  if (isDeepStrictEqual(lab, real)) return;
  if (!isObject(lab) || !isObject(real) || Array.isArray(lab) !== Array.isArray(real)) {
    yield { at, lab, real };
    return;
  }
  for (const key of new Set([...Object.keys(real), ...Object.keys(lab)]))
    yield* placesOf(lab[key], real[key], `${at}.${key}`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** What each server makes up for itself: it is there or it is not, and nobody else can say what it is. */
const own = new Set([
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
  "time",
  "continue",
]);

function plain(answer: unknown, isWordless: boolean): unknown {
  const text = JSON.stringify(answer ?? null, (key, value: unknown) => {
    if (key === "managedFields" && Array.isArray(value)) return inOrder(value);
    // A list of custom resources that is whole says so with an empty text on the real server.
    if (key === "continue" && value === "") return undefined;
    if (key === "causes" && Array.isArray(value)) return told(value);
    if (key === "cells" && Array.isArray(value)) return value.map(aged);
    if (isObject(value) && hasManyCauses(value)) return { ...value, message: "…" };
    if (typeof value !== "string") return value;
    if (own.has(key)) return value === "" ? "" : "…";
    if (key === "message" && isWordless) return "…";
    return value
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<uid>")
      .replaceAll(/(too old resource version: \d+) \(\d+\)/g, "$1 (…)")
      .replaceAll(/(ResourceVersion in record) \(\d+\)/g, "$1 (…)");
  });
  return JSON.parse(text);
}

/** The first second may be over on one of them. */
function aged(cell: unknown): unknown {
  return typeof cell === "string" && /^\d+s$/.test(cell) ? "…s" : cell;
}

/** A message that strings its causes together has them in their order. */
function hasManyCauses({ reason, details, message }: Record<string, unknown>): boolean {
  if (reason !== "Invalid" || message === "…" || !isObject(details)) return false;
  return (
    Array.isArray(details["causes"]) &&
    new Set(details["causes"].map((one) => JSON.stringify(one))).size > 1
  );
}

/** The real server checks the metadata of a custom resource twice, and names what it finds as often. */
function told(causes: readonly unknown[]): unknown[] {
  const name = (cause: unknown): string =>
    JSON.stringify(Object.entries(cause as object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const each = new Map(causes.map((cause) => [name(cause), cause]));
  // Fields and managers come in the order of Go's maps, which is any.
  return [...each].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, cause]) => cause);
}

/** Their order is that of their times, which may fall into one second here and into two there. */
function inOrder(managers: readonly unknown[]): unknown[] {
  const name = (entry: unknown): string =>
    ["manager", "operation", "apiVersion", "subresource"]
      .map((key) => String((entry as Record<string, unknown>)[key] ?? ""))
      .join(" ");
  return managers.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
}
