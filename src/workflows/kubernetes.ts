import type { KubernetesPlace } from "#contract/cluster.ts";
import type { RunId } from "#contract/ids.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { ReadOptions } from "#drivers/ports.ts";

/** How a step speaks to a management cluster, whatever its resource is there. */

/** Names the objects of a resource that was asked for at a place on a management cluster. */
export const refOf = <Id>({
  id,
  spec: { place, name },
}: {
  readonly id: Id;
  readonly spec: { readonly place: KubernetesPlace; readonly name: string };
}) => ({ id, place, name });

/** The part of a step's context that its calls need. */
interface Calling {
  readonly signal: AbortSignal;
  readonly key: string;
  readonly run: { readonly id: RunId };
}

export const reading = ({ signal }: Pick<Calling, "signal">): ReadOptions => ({ signal });

/** What is written carries the run beside the key, so that people can see who wrote it. */
export const writing = ({ signal, key, run }: Calling): KubernetesWrite => ({
  signal,
  key,
  run: run.id,
});
