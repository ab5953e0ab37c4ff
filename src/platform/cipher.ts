import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Seals secrets for storage and signs the addresses that are handed to machines. */
export interface Cipher {
  /** Encrypts and authenticates; every call gives another result. */
  seal(text: string): Uint8Array;
  /** The text that was sealed; throws when the bytes were changed or sealed under another key. */
  open(sealed: Uint8Array): string;
  /** A token that only the holder of the key can make for this text: 43 URL-safe characters. */
  token(text: string): string;
  /** Compares in constant time. */
  verifies(text: string, token: string): boolean;
}

/** `key`: 32 bytes, base64. */
export function createCipher(key: string): Cipher {
  const bytes = Buffer.from(key, "base64");
  if (bytes.length !== KEY_BYTES) throw new TypeError("the secret key must be 32 bytes, base64");
  const secret = createSecretKey(bytes);
  const signing = createHmac("sha256", secret).update("millwright addresses").digest();
  const token = (text: string): string =>
    createHmac("sha256", signing).update(text).digest("base64url");
  return {
    seal(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, secret, nonce, { authTagLength: TAG_BYTES });
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    open(sealed) {
      const bytes = Buffer.from(sealed);
      // Without the length a cut tag would be accepted too, and a short one can be guessed.
      const decipher = createDecipheriv(ALGORITHM, secret, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([
        decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
        decipher.final(),
      ]).toString("utf8");
    },
    token,
    verifies(text, given) {
      const expected = Buffer.from(token(text));
      const actual = Buffer.from(given);
      return expected.length === actual.length && timingSafeEqual(expected, actual);
    },
  };
}

export const generateSecretKey = (): string => randomBytes(KEY_BYTES).toString("base64");
