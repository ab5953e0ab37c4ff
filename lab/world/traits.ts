/**
 * Faults that a machine has from birth, told by the end of its name: a reader of a list, a test or a demo sees what is
 * wrong with it without looking anything up.
 */
export interface Traits {
  /** Every third request is answered 503 or cut. */
  readonly isFlaky: boolean;
  /** Nothing listens at its address. */
  readonly isDead: boolean;
  /** Every answer takes seconds, at any speed of the lab. */
  readonly isSlow: boolean;
  /** The listed password is not the real one. */
  readonly hasBadPassword: boolean;
  readonly installHangs: boolean;
  readonly eraseFails: boolean;
  /** PowerState keeps the value it had at first, whatever the machine does. */
  readonly liesAboutPower: boolean;
}

const endings = {
  "bmc-flaky": "isFlaky",
  "bmc-dead": "isDead",
  "bmc-slow": "isSlow",
  "bad-password": "hasBadPassword",
  "install-hangs": "installHangs",
  "erase-fails": "eraseFails",
  "lies-about-power": "liesAboutPower",
} as const satisfies Record<string, keyof Traits>;

/** The faults' words, in the order in which the lab adds one machine of each. */
export const namedFaults: readonly string[] = Object.keys(endings);

export function traitsOf(name: string): Traits {
  const traits: Record<keyof Traits, boolean> = {
    isFlaky: false,
    isDead: false,
    isSlow: false,
    hasBadPassword: false,
    installHangs: false,
    eraseFails: false,
    liesAboutPower: false,
  };
  for (const [ending, trait] of Object.entries(endings)) {
    if (name.endsWith(ending)) traits[trait] = true;
  }
  return traits;
}
