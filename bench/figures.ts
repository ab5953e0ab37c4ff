/** Numbers out of samples. */

/** The value below which this share (0 to 1) of the samples lies; the nearest sample, not interpolated. NaN without samples. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1));
  return sorted[index] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Three significant digits: more would pretend to know what the next run contradicts. */
export const rounded = (value: number): number =>
  Number.isFinite(value) ? Number(value.toPrecision(3)) : 0;

/** A figure as people read it: `12,300`, `4.56`, `0.81`. */
export const shown = (value: number): string =>
  Number.isFinite(value) ? rounded(value).toLocaleString("en-US") : "–";
