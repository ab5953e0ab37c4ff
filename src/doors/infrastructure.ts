import { z } from "zod";
import type { KubeconfigSource } from "#drivers/kubernetes/options.ts";
import type { Config } from "#platform/config.ts";

/** What `GET /_lab` of a lab says, as far as the control plane and its examples use it. */
export const LabDescription = z.object({
  speed: z.number().positive(),
  kubernetes: z
    .object({ url: z.string(), kubeconfig: z.string(), kubeconfigFile: z.string().optional() })
    .nullable()
    .default(null)
    .meta({
      description:
        "`kubeconfig` is the text of one, `kubeconfigFile` where the lab has written it; null: the lab has no cluster",
    }),
  bmcs: z.array(
    z.object({
      name: z.string(),
      vendor: z.string(),
      model: z.string(),
      address: z.string(),
      username: z.string(),
      password: z.string(),
      fingerprint256: z.string(),
    }),
  ),
  images: z.array(
    z.object({
      name: z.string(),
      url: z.string(),
      format: z.string(),
      checksum: z.string(),
      checksumType: z.string(),
    }),
  ),
});
export type LabDescription = z.infer<typeof LabDescription>;

/** Where management clusters are: by configuration, else the lab's. Null: there are none. */
export function kubeconfigOf(
  { MILLWRIGHT_KUBECONFIG: configured }: Pick<Config, "MILLWRIGHT_KUBECONFIG">,
  lab: LabDescription | null,
): KubeconfigSource | null {
  if (configured === "in-cluster") return configured;
  if (configured !== undefined) return { path: configured };
  return lab === null || lab.kubernetes === null ? null : { text: lab.kubernetes.kubeconfig };
}

const TIMEOUT_MS = 5_000;

/** Asks a lab what there is; null when none answers. */
export async function describeLab(url: string): Promise<LabDescription | null> {
  try {
    const response = await fetch(new URL("/_lab", url), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok ? LabDescription.parse(await response.json()) : null;
  } catch {
    return null;
  }
}
