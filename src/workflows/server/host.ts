import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { hostName } from "#contract/host-name.ts";
import type { ProvisionedImage } from "#contract/server.ts";
import type { ServerState } from "#domain/server/state.ts";
import type { HostRef, HostState, StagedConfig } from "#drivers/host-ports.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { writing } from "#workflows/kubernetes.ts";
import { changedProblems, waitFor as waitForOperator } from "#workflows/problems.ts";
import { type ServerContext, reading } from "./kit.ts";

/** A server under Metal3, as workflows look at it and bring it from state to state. */

/** The server's host; null under redfish. */
export const hostOf = ({ id, host }: ServerState): HostRef | null =>
  host === null ? null : { id, place: host, name: hostName(id) };

type Managed = { readonly resource: Pick<ServerState, "host"> };

/** Why a step of servers under Metal3 has nothing to do on another; null on those. */
export const unlessMetal3 =
  (why: string) =>
  ({ resource }: Managed): string | null =>
    resource.host === null ? why : null;

/** Why a step of servers by their BMC alone has nothing to do on one under Metal3; null on the others. */
export const ifMetal3 =
  (why: string) =>
  ({ resource }: Managed): string | null =>
    resource.host === null ? null : why;

/** The host, in a step that is skipped on servers that have none. */
export function theHostOf(resource: ServerState): HostRef {
  const host = hostOf(resource);
  if (host === null) throw new TypeError(`${resource.id} is not managed by Metal3`);
  return host;
}

/**
 * One look at the host. What it complains of becomes a fact: Metal3 forgets an error when it tries again, after a minute or two.
 * `isDone` says whether the step has what it waits for; left out: it does not wait.
 */
export async function lookAtHost(
  context: ServerContext,
  host: HostRef,
  isDone: (state: HostState) => boolean = () => true,
): Promise<HostState> {
  const state = await context.ports.hosts.read(host, reading(context));
  if (state === null)
    throw new Failure(
      "KUBERNETES_REJECTED",
      `the BareMetalHost ${host.place.namespace}/${host.name} is no longer on the management cluster: somebody else has deleted it`,
      { details: { reason: "gone" } },
    );
  const { resource, fact, now, pace } = context;
  const changed = changedProblems(resource, state.problems, { now, pace, isDone: isDone(state) });
  if (changed !== null) fact({ type: "server.problems_seen", data: changed });
  return state;
}

export function waitForHost(what: string, state: HostState): Wait {
  const paused = state.paused ? "; it is paused by an annotation, so nothing will happen" : "";
  return waitForOperator(what, `${state.summary}${paused}`, state.problems);
}

/** Null once Metal3 has taken the host in and can speak to its BMC. */
export async function awaitEnrolled(context: ServerContext, host: HostRef): Promise<Wait | null> {
  const state = await lookAtHost(context, host, isEnrolled);
  return isEnrolled(state) ? null : waitForHost("Metal3 to register the host", state);
}

const isEnrolled = ({ state }: HostState): boolean => state !== "" && state !== "registering";

/**
 * Null once Metal3 brings the host's power to what is wished. While it inspects, prepares or writes, it switches the machine as it needs, takes
 * no wish, and does not look: what it tells of the power is from before.
 */
export async function awaitPowerHeeded(
  context: ServerContext,
  host: HostRef,
): Promise<Wait | null> {
  const state = await lookAtHost(context, host, heedsPower);
  return heedsPower(state)
    ? null
    : waitForHost("Metal3 to be done with the host, until when it switches it as it needs", state);
}

const heedsPower = ({ state }: HostState): boolean =>
  ["available", "provisioned", "externally provisioned"].includes(state);

/**
 * Null once nothing is on the host, nor beside it but what the run `keep` has staged; what an image was written to is cleaned by
 * Metal3 first.
 */
export async function clearHost(
  context: ServerContext,
  host: HostRef,
  keep: RunId | null = null,
): Promise<Wait | null> {
  const { ports } = context;
  await ports.hosts.clearImage(host, keep, writing(context));
  const isClear = (seen: HostState) => seen.image.wanted === null && seen.state === "available";
  const state = await lookAtHost(context, host, isClear);
  return isClear(state) ? null : waitForHost("Metal3 to clean the host", state);
}

/**
 * Null once the image is wished for by this run. An image of before is taken back and cleaned away first, because Metal3 does
 * nothing for a wish that it has fulfilled already.
 */
export async function wishImage(
  context: ServerContext,
  host: HostRef,
  wanted: { readonly image: ProvisionedImage; readonly config: StagedConfig | null },
): Promise<Wait | null> {
  const { ports, run } = context;
  const state = await lookAtHost(context, host);
  if (state.imageOf === run.id) return null;
  // After a retry the configuration may be that which an earlier run has staged.
  const clearing = await clearHost(context, host, wanted.config?.run ?? null);
  if (clearing !== null) return clearing;
  await ports.hosts.setImage(host, wanted, writing(context));
  return null;
}

/** The host once the image is on its disk; else what to wait for. */
export async function awaitProvisioned(
  context: ServerContext,
  host: HostRef,
): Promise<Wait | HostState> {
  const isWritten = ({ state: at, image }: HostState): boolean =>
    at === "provisioned" && image.wanted !== null && image.written === image.wanted;
  const state = await lookAtHost(context, host, isWritten);
  return isWritten(state) ? state : waitForHost("Metal3 to write the image", state);
}

/** Null once nothing of the host is left. */
export async function unenroll(context: ServerContext, host: HostRef): Promise<Wait | null> {
  const asked = await context.ports.hosts.unenroll(host, writing(context));
  if (asked === "gone") return null;
  const state = await context.ports.hosts.read(host, reading(context));
  return state === null
    ? wait("waiting for the host's secret to be gone")
    : waitForHost("Metal3 to let the host go", state);
}
