import { z } from "zod";

/** What `GET /_lab` of a lab says, as far as the control plane and its examples use it. */
export const LabDescription = z.object({
  speed: z.number().positive(),
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
  /** Absent or null: it plays no management cluster. */
  kubernetes: z.object({ url: z.string(), kubeconfig: z.string() }).nullish(),
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
