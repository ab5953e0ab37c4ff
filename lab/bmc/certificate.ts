import { X509Certificate } from "node:crypto";
import { generate } from "selfsigned";
import type { Certificate } from "#lab/world/journal.ts";

/** BMC certificates are made once and forgotten: ten years, or none at all. */
const lifeMs = 10 * 365 * 24 * 3600 * 1000;

/**
 * A new self-signed certificate as BMCs come with: for the BMC's own name, without its address. Elliptic keys, because a
 * lab makes thousands.
 */
export async function createCertificate(
  name: string,
  options: { readonly now: number; readonly isExpired: boolean },
): Promise<Certificate> {
  const endsAt = options.isExpired ? options.now - 24 * 3600 * 1000 : options.now + lifeMs;
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(Math.min(options.now, endsAt) - lifeMs),
    notAfterDate: new Date(endsAt),
  });
  return { key: made.private, cert: made.cert };
}

/** SHA-256 of the certificate, upper-case hex pairs with colons, as Node prints it. */
export function fingerprintOf(certificate: Certificate): string {
  return new X509Certificate(certificate.cert).fingerprint256;
}
