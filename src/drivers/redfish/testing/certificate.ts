import { generate } from "selfsigned";

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A fresh self-signed certificate, as BMCs have them: no address in it. */
export const makeCertificate = async (
  commonName: string,
  validity: { readonly notBeforeDate?: Date; readonly notAfterDate?: Date } = {},
): Promise<Certificate> => {
  const made = await generate([{ name: "commonName", value: commonName }], {
    keyType: "ec",
    curve: "P-256",
    ...validity,
  });
  return { key: made.private, cert: made.cert };
};
