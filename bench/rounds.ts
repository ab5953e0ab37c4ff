/**
 * Two things measured against each other on a machine that others use too: in alternation, so that both meet the
 * same neighbours, the order turned in every round, so that neither always follows the other.
 */
export async function alternate<Ours, Floor>(
  rounds: number,
  measure: { readonly ours: () => Promise<Ours>; readonly floor: () => Promise<Floor> },
): Promise<{ readonly ours: Ours; readonly floor: Floor }[]> {
  const measured: { readonly ours: Ours; readonly floor: Floor }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) {
      const ours = await measure.ours();
      measured.push({ ours, floor: await measure.floor() });
    } else {
      const floor = await measure.floor();
      measured.push({ ours: await measure.ours(), floor });
    }
  }
  return measured;
}

/** What a closed loop of callers achieved. */
export interface Loop {
  readonly perSecond: number;
  /** Of each call, ms. */
  readonly latenciesMs: readonly number[];
}

/** `callers` at a time until `count` calls are done; each caller starts its next call when its last has ended. */
export async function closedLoop(
  { callers, count }: { readonly callers: number; readonly count: number },
  call: (index: number) => Promise<unknown>,
): Promise<Loop> {
  const latenciesMs: number[] = [];
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < count) {
        const index = next;
        next += 1;
        const from = performance.now();
        await call(index);
        latenciesMs.push(performance.now() - from);
      }
    }),
  );
  return { perSecond: (count * 1_000) / (performance.now() - began), latenciesMs };
}
