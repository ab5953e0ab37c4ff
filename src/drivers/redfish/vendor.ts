/** Names under which the vendors appear in Vendor, Product, Oem keys, manufacturers and manager models. */
const known: readonly (readonly [RegExp, string])[] = [
  [/\bdell\b|idrac/i, "dell"],
  [/\bhpe?\b|hewlett|\bilo\b/i, "hpe"],
  [/lenovo|xclarity/i, "lenovo"],
  [/super ?micro|^smc$/i, "supermicro"],
  [/nvidia|mellanox|bluefield/i, "nvidia"],
  [/\bami\b|american megatrends/i, "ami"],
  [/asrock ?rack/i, "asrockrack"],
  [/openbmc/i, "openbmc"],
];

/** The first vendor that the hints name, normalised; null when they name none that is known. */
export const vendorOf = (hints: readonly (string | null)[]): string | null => {
  for (const hint of hints) {
    const found = hint === null ? undefined : known.find(([pattern]) => pattern.test(hint));
    if (found !== undefined) return found[1];
  }
  return null;
};
