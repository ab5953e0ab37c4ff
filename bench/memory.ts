/** What a process has needed at most since it was watched. */
export interface Memory {
  /** Everything that was resident, of all threads. */
  readonly peakRssMb: number;
  /** The main thread's JavaScript heap, sampled. */
  readonly peakHeapMb: number;
  readonly cpuSeconds: number;
}

const EVERY_MS = 250;
const MB = 1024 * 1024;

/** Begins to watch this process; the function that it returns tells. */
export function watchMemory(): () => Memory {
  let peakHeap = 0;
  const look = (): void => {
    peakHeap = Math.max(peakHeap, process.memoryUsage().heapUsed);
  };
  setInterval(look, EVERY_MS).unref();
  return () => {
    look();
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    return {
      // Node tells it in kilobytes.
      peakRssMb: maxRSS / 1024,
      peakHeapMb: peakHeap / MB,
      cpuSeconds: (userCPUTime + systemCPUTime) / 1_000_000,
    };
  };
}
