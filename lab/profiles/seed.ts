/**
 * Makes up serial numbers and addresses out of a server's name. Not random on purpose: the same lab has the same
 * machines every time, and a client that pinned one finds it again.
 */
export interface Seed {
  /** `length` characters out of `alphabet`, different for every `part`. */
  readonly text: (part: string, length: number, alphabet?: string) => string;
  /** Twelve hexadecimal digits with colons, upper case, beginning with the vendor's prefix (`B0:7B:25`). */
  readonly mac: (prefix: string, index: number) => string;
  /** Version 4, lower case. */
  readonly uuid: () => string;
}

export const digits = "0123456789";
export const capitals = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
export const hexDigits = "0123456789abcdef";

export function seedOf(name: string): Seed {
  const text = (part: string, length: number, alphabet = capitals): string => {
    const next = generator(hash(`${name}/${part}`));
    return Array.from({ length }, () => alphabet[Math.floor(next() * alphabet.length)] ?? "0").join(
      "",
    );
  };
  return {
    text,
    mac: (prefix, index) => {
      // Neighbouring ports of one server have neighbouring addresses.
      const base = Number.parseInt(text("mac", 4, hexDigits), 16) * 256;
      const low = (base + index).toString(16).padStart(6, "0").toUpperCase();
      return `${prefix}:${low.slice(0, 2)}:${low.slice(2, 4)}:${low.slice(4, 6)}`;
    },
    uuid: () => {
      const hex = text("uuid", 32, hexDigits);
      const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) % 4] ?? "8";
      return [
        hex.slice(0, 8),
        hex.slice(8, 12),
        `4${hex.slice(13, 16)}`,
        `${variant}${hex.slice(17, 20)}`,
        hex.slice(20, 32),
      ].join("-");
    },
  };
}

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value >>> 0;
}

/** Mulberry32: numbers in [0, 1), well spread even for neighbouring seeds. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
