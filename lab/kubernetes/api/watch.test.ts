import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Kinds } from "#lab/kubernetes/kinds/registry.ts";
import { ObjectStore } from "#lab/kubernetes/store/store.ts";
import { widgets } from "#lab/kubernetes/try-widgets.ts";
import { targetOf } from "./place.ts";
import { Watch } from "./watch.ts";

/*
 * What a watch does as time passes. Its timers are Node's, so the test moves Node's clock.
 */

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const minuteMs = 60_000;

/** Opens a watch from now on. @returns the types of the events that came, which end with "end" when the server ended it. */
function opened(query: string): readonly string[] {
  const kinds = new Kinds();
  kinds.set(widgets);
  const target = targetOf(["apis", widgets.group, "v1", widgets.plural], kinds);
  if (target === undefined) throw new Error("widgets are not served");
  const store = new ObjectStore(null);
  const came: string[] = [];
  const ports = { store, clock: () => Date.now(), disturb: () => undefined };
  const watch = new Watch(ports, target, new URLSearchParams(query), "object");
  watch.open({
    write: (text) => void came.push((JSON.parse(text) as { readonly type: string }).type),
    end: () => void came.push("end"),
    cut: () => void came.push("cut"),
    onClose: () => undefined,
  });
  return came;
}

test("a watch that asks for bookmarks gets one each minute, and one shortly before its end", () => {
  const came = opened("allowWatchBookmarks=true&timeoutSeconds=150");
  vi.advanceTimersByTime(minuteMs - 1);
  expect(came).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(came).toEqual(["BOOKMARK"]);
  vi.advanceTimersByTime(minuteMs);
  expect(came).toEqual(["BOOKMARK", "BOOKMARK"]);
  vi.advanceTimersByTime(minuteMs / 2 - 3000);
  expect(came).toHaveLength(2);
  vi.advanceTimersByTime(1000);
  expect(came).toHaveLength(3);
  vi.advanceTimersByTime(2000);
  expect(came).toEqual(["BOOKMARK", "BOOKMARK", "BOOKMARK", "end"]);
  vi.advanceTimersByTime(10 * minuteMs);
  expect(came).toHaveLength(4);
});

test("a watch that does not ask for bookmarks gets none", () => {
  const came = opened("timeoutSeconds=150");
  vi.advanceTimersByTime(10 * minuteMs);
  expect(came).toEqual(["end"]);
});
