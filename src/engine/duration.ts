/** A span of time as people write it in a workflow's table: `250ms`, `20s`, `9m`, `24h`, `7d`. */
export type Duration = `${number}ms` | `${number}s` | `${number}m` | `${number}h` | `${number}d`;

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The span in milliseconds. A text that is no duration is a mistake in the program and throws. */
export function durationMs(duration: Duration): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration);
  if (match === null) throw new TypeError(`not a duration: ${duration}`);
  return Number(match[1]) * unitsMs[match[2] as keyof typeof unitsMs];
}

const numberText = (value: number): string => String(Math.round(value * 10) / 10);

/** A span for people, in the unit that they would say it in: `45 s`, `60 min`, `24 h`. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${numberText(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${numberText(ms / 60_000)} min` : `${numberText(ms / 3_600_000)} h`;
}
