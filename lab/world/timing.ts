/**
 * How long a machine takes over things. The figures of real life are what rack servers commonly show; the lab divides
 * all of them by its speed, so that proportions stay right whatever the speed.
 */
export interface Timing {
  /** From the command until the power rails are up (PowerState leaves PoweringOn). */
  readonly powerOnMs: number;
  /** From a forced power-off until the machine is off. */
  readonly powerOffMs: number;
  /** From asking the operating system to stop until it has stopped. */
  readonly shutdownMs: number;
  /** Power-on self-test, until the firmware looks for something to boot. */
  readonly postMs: number;
  /** From the boot loader until the operating system says that it runs. */
  readonly osBootMs: number;
  readonly installMs: number;
  /** Secure erase of one drive; several drives are erased side by side. */
  readonly eraseMs: number;
  /** How long a restarting BMC does not answer. */
  readonly bmcRestartMs: number;
  /** How long after its end a task can still be read. */
  readonly taskKeptMs: number;
}

const second = 1000;
const minute = 60 * second;

const inRealLife: Timing = {
  powerOnMs: 10 * second,
  powerOffMs: 5 * second,
  shutdownMs: 30 * second,
  postMs: 30 * second,
  osBootMs: 20 * second,
  installMs: 6 * minute,
  eraseMs: 2 * minute,
  bmcRestartMs: 3 * minute,
  taskKeptMs: 10 * minute,
};

/** The timing of a lab that runs `speed` times as fast as life. */
export function timingAt(speed: number): Timing {
  const scaled = Object.entries(inRealLife).map(([name, ms]) => [name, ms / speed]);
  return Object.fromEntries(scaled) as Timing;
}
