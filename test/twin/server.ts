import https from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { widgets, widgetsPath } from "#lab/kubernetes/try-widgets.ts";
import type { Ask, Line } from "./script.ts";

/** Asks this server, with nothing added to what a line says but who asks. */
export const asker =
  (server: URL, tls: https.RequestOptions, who: Readonly<Record<string, string>>): Ask =>
  ({ method, path, body, type = "application/json", headers: more }) =>
    new Promise((resolve, reject) => {
      const text =
        body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
      const sent =
        text === null ? {} : { "content-type": type, "content-length": Buffer.byteLength(text) };
      const headers = { "user-agent": "twin/1.0", ...who, ...sent, ...more };
      const request = https.request(
        new URL(path, server),
        { ...tls, method, headers },
        (response) => {
          let got = "";
          response.on("data", (chunk: Buffer) => (got += chunk.toString()));
          response.on("error", reject);
          response.on("end", () => {
            const {
              "content-type": told = "",
              "retry-after": retryAfter,
              warning,
            } = response.headers;
            resolve({
              status: response.statusCode ?? 0,
              type: told,
              retryAfter: retryAfter ?? null,
              warning: warning ?? null,
              body: parsed(got),
            });
          });
        },
      );
      request.on("error", reject);
      request.end(text);
    });

/** JSON, the events of a watch as a list, or the text as it is. */
function parsed(text: string): unknown {
  const read = (part: string): unknown => JSON.parse(part);
  try {
    return read(text);
  } catch {
    try {
      return text.trim().split("\n").map(read);
    } catch {
      return text;
    }
  }
}

/** The server of a kubeconfig's current context. */
export async function serverOf(kubeconfig: string): Promise<Ask> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const tls: https.RequestOptions = {};
  await config.applyToHTTPSOptions(tls);
  const { headers, ...rest } = tls;
  const url = new URL(config.getCurrentCluster()?.server ?? "");
  return asker(url, rest, headers as Record<string, string>);
}

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const ownPath = `${definitions}/${widgets.plural}.${widgets.group}`;

/** Takes the kind of the scripts away, whatever an earlier run has left of it. Repeats well. */
export async function withoutWidgets(ask: Ask): Promise<void> {
  const left = (await ask({ method: "GET", path: widgetsPath })).body as { items?: Line["body"][] };
  for (const item of left.items ?? []) {
    const { name } = (item as { metadata: { name: string } }).metadata;
    await ask({
      method: "PATCH",
      path: `${widgetsPath}/${name}`,
      type: "application/merge-patch+json",
      body: { metadata: { finalizers: null } },
    });
  }
  await ask({ method: "DELETE", path: ownPath });
  while ((await ask({ method: "GET", path: ownPath })).status !== 404) await pause();
}

/** Installs the kind of the scripts anew, and waits until it is served. */
export async function withWidgets(ask: Ask): Promise<void> {
  await withoutWidgets(ask);
  const { group, plural, singular, shortNames, kind, scope, versions } = widgets;
  const made = await ask({
    method: "POST",
    path: definitions,
    body: {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope,
        names: { kind, plural, singular, shortNames },
        versions: versions.map((version) => ({
          name: version.name,
          served: version.served,
          storage: version.storage,
          schema: { openAPIV3Schema: version.schema },
          subresources: { status: {}, scale: version.subresources.scale },
          additionalPrinterColumns: version.printerColumns,
          selectableFields: (version.selectableFields ?? []).map((jsonPath) => ({ jsonPath })),
        })),
      },
    },
  });
  if (made.status !== 201) throw new Error(`not installed: ${JSON.stringify(made.body)}`);
  for (const { name } of versions) {
    const path = widgetsPath.replace("/v1/", `/${name}/`);
    while ((await ask({ method: "GET", path })).status !== 200) await pause();
  }
}

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, 200));
