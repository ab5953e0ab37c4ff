import { clusterFacts } from "#contract/cluster.ts";
import { runEvents } from "#contract/events.ts";
import { poolFacts } from "#contract/pool.ts";
import { serverFacts } from "#contract/server.ts";
import { vmFacts } from "#contract/vm.ts";

/** Every type of event there is: the list is closed, so a prefix can be written out and each type found by its index. */
const eventTypes: readonly string[] = [
  ...Object.keys(runEvents),
  ...Object.keys(serverFacts),
  ...Object.keys(poolFacts),
  ...Object.keys(clusterFacts),
  ...Object.keys(vmFacts),
];

/** Types and prefixes ending in `*` as types alone, each once; a prefix of nothing adds nothing. */
export const expandTypes = (patterns: readonly string[]): readonly string[] => [
  ...new Set(
    patterns.flatMap((pattern) =>
      pattern.endsWith("*")
        ? eventTypes.filter((type) => type.startsWith(pattern.slice(0, -1)))
        : [pattern],
    ),
  ),
];
