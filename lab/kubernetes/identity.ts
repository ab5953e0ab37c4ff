import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { generate } from "selfsigned";
import { users } from "./api/users.ts";
import type { ServerIdentity } from "./store/journal.ts";

/** Made once for a lab and forgotten with it. */
const lifeMs = 10 * 365 * 24 * 3600 * 1000;

/** A certificate authority of the cluster's own, a certificate for the address, and a bearer token for each user. */
export async function createIdentity(
  host: string,
  now: number,
): Promise<Omit<ServerIdentity, "port">> {
  const common = {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(now - 24 * 3600 * 1000),
    notAfterDate: new Date(now + lifeMs),
  } as const;
  const authority = await generate([{ name: "commonName", value: "lab-kubernetes-ca" }], {
    ...common,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const own = isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host };
  const server = await generate([{ name: "commonName", value: "kube-apiserver" }], {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          own as { readonly type: 2; readonly value: string },
          { type: 7, ip: "127.0.0.1" },
          { type: 2, value: "localhost" },
          { type: 2, value: "kubernetes" },
        ],
      },
    ],
  });
  const token = (): string => randomBytes(24).toString("base64url");
  return {
    authority: authority.cert,
    certificate: server.cert,
    key: server.private,
    tokens: Object.fromEntries(users.map(({ name }) => [name, token()])),
  };
}

/** A kubeconfig's text, which is YAML as any JSON is: one context for each user, the admin's the current one. */
export function kubeconfigOf(url: string, { authority, tokens }: ServerIdentity): string {
  const cluster = "lab";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: cluster,
        cluster: {
          server: url,
          "certificate-authority-data": Buffer.from(authority).toString("base64"),
        },
      },
    ],
    users: users.map(({ name }) => ({ name, user: { token: tokens[name] } })),
    contexts: users.map(({ name }) => ({
      name,
      context: { cluster, user: name, namespace: "default" },
    })),
    "current-context": users[0]?.name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
