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

  /** How far each group's candidates are known to be taken: what is drawn once only changes hands. */
  const looked = new Map<Lack<Server>, number>();

  const freeFor = (lack: Lack<Server>): Server | undefined => {
    let at = looked.get(lack) ?? 0;
    while (at < lack.candidates.length && drawn.has(lack.candidates[at] as Server)) at += 1;
    looked.set(lack, at);
    return lack.candidates[at];
  };

  /** One more server for the group: a free one, or one of another group that finds itself another, and so on. */
  const give = (lack: Lack<Server>): boolean => {
    const wayTo = new Map<Lack<Server>, { readonly from: Lack<Server>; readonly server: Server }>();
    const asked = [lack];
    for (const current of asked) {
      const free = freeFor(current);
      if (free !== undefined) {
        drawn.set(free, current);
        for (let way = wayTo.get(current); way !== undefined; way = wayTo.get(way.from))
          drawn.set(way.server, way.from);
        return true;
      }
      for (const server of current.candidates) {
        const holder = drawn.get(server);
        if (holder === undefined || holder === lack || wayTo.has(holder)) continue;
        wayTo.set(holder, { from: current, server });
        asked.push(holder);
      }
    }
    return false;
  };

  for (const lack of lacks) {
    for (let place = 0; place < lack.missing; place += 1)
      if (!give(lack)) return { short: lack.group };
  }
  return { drawn: new Map([...drawn].map(([server, { group }]) => [server, group])) };
}
