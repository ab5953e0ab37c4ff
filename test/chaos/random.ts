/** Chance that can be repeated: the same seed gives the same draws. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** Chance of its own for something that runs beside others, whose order of draws is nobody's to say. */
  branch(name: number): Random;
}

/** Mulberry32 (Tommy Ettinger, 2017, public domain), in our own words. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (from, to) => from + Math.floor(next() * (to - from + 1)),
    pick: (items) => items[Math.floor(next() * items.length)] ?? items[0],
    branch: (name) => seeded(seed ^ Math.imul(name + 1, 0x9e3779b1)),
  };
}

/** CHAOS_SEED repeats the plans of an earlier run; what happens when is up to the machine all the same. */
export const seedOf = (environment: Readonly<Record<string, string | undefined>>): number => {
  const given = environment["CHAOS_SEED"];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
};
