import { z } from "zod";
import type { KubernetesPlace } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import { type Wait, wait } from "#engine/kit.ts";

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
  readonly life: AbortSignal;
  readonly key: string;
  readonly run: { readonly id: RunId };
}

export const reading = ({ signal }: Pick<Calling, "signal">): ReadOptions => ({ signal });

/** What is written carries the run beside the key, so that people can see who wrote it. */
export const writing = ({ signal, life, key, run }: Calling): KubernetesWrite => ({
  signal,
  life,
  key,
  run: run.id,
});

interface Looking {
  readonly now: () => number;
  readonly pace: number;
  readonly memo: unknown;
}

/**
 * What a step sees that only looks before a deletion; neither that nor a wait when the management cluster has been away too long: a dead
 * one must not make what it kept immortal. The deletion itself then fails past its pivot, where an operator may abandon it. Needs `within` of
 * more than three minutes.
 */
export async function lookUnlessAway<Seen>(
  { now, pace, memo }: Looking,
  look: () => Promise<Seen>,
): Promise<{ readonly seen?: Seen; readonly wait?: Wait }> {
  try {
    return { seen: await look() };
  } catch (thrown) {
    if (!isAway(thrown)) throw thrown;
    const since = Away.safeParse(memo).data?.awaySince ?? now();
    if ((now() - since) * pace >= awayMs) return {};
    return {
      wait: wait(`the management cluster is away (${thrown.message}); looking again`, {
        for: "20s",
        memo: { awaySince: since },
      }),
    };
  }
}

const Away = z.object({ awaySince: z.number() });

/** In declared time: how long a management cluster may be away before nobody waits for a look at it. */
const awayMs = 150_000;

/** It does not answer, or the configuration does not name it any more. */
const isAway = (thrown: unknown): thrown is Failure =>
  thrown instanceof Failure &&
  (thrown.code === "KUBERNETES_UNAVAILABLE" ||
    ["unknown-management-cluster", "not-configured"].includes(String(thrown.details?.["reason"])));
