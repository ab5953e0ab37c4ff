/**
 * Which free servers go to which group. Pools may overlap, so the first free server of one group may be the only one of
 * another: each group's wish is met by moving servers between groups where need be (augmenting paths in a bipartite graph).
 */

/** What one group of machines still lacks, and the free servers that it could have, best first. */
export interface Lack<Server> {
  readonly group: string;
  readonly missing: number;
  readonly candidates: readonly Server[];
}

/** A server for every place that is missing; or the group that cannot be filled beside the others. */
export function draw<Server>(
  lacks: readonly Lack<Server>[],
): { readonly drawn: ReadonlyMap<Server, string> } | { readonly short: string } {
  /** Servers that have been given to a group. */
  const drawn = new Map<Server, Lack<Server>>();

  const give = (lack: Lack<Server>, asked: Set<Server>): boolean => {
    const unasked = lack.candidates.filter((server) => !asked.has(server));
    const server = unasked.find((each) => !drawn.has(each));
    if (server !== undefined) {
      drawn.set(server, lack);
      return true;
    }
    // None is left; one that another group holds will do if that group finds itself another.
    return unasked.some((each) => {
      const holder = drawn.get(each);
      if (holder === lack || holder === undefined || asked.has(each)) return false;
      asked.add(each);
      if (!give(holder, asked)) return false;
      drawn.set(each, lack);
      return true;
    });
  };

  for (const lack of lacks) {
    for (let place = 0; place < lack.missing; place += 1)
      if (!give(lack, new Set())) return { short: lack.group };
  }
  return { drawn: new Map([...drawn].map(([server, { group }]) => [server, group])) };
}
