import type { Run } from "#contract/run.ts";
import type { Server } from "#contract/server.ts";
import { type Api, serverPath, serversPath, summary } from "#test/processes/api.ts";
import type { Effect, Lab } from "#test/processes/lab.ts";

/**
 * What must hold when the dust has settled, read through the public API and the lab's effect log only. Each check
 * returns sentences; none means that it holds.
 */

/** Everything that the API shows, in full. */
export interface Shown {
  readonly runs: readonly Run[];
  readonly servers: readonly Server[];
  readonly inventories: readonly unknown[];
}

export async function readAll(api: Api): Promise<Shown> {
  const list = await api.pages<Run>("/v1/workflows/runs?limit=100");
  const runs = await Promise.all(list.map(({ id }) => api.run(id)));
  const servers = await api.pages<Server>(`${serversPath}?limit=100`);
  const inventories = await Promise.all(
    servers.map(async ({ id }) => (await api.persist("GET", `${serverPath(id)}/inventory`)).data),
  );
  return { runs, servers, inventories };
}

/** The index of the first step past the point of no return, by type; infinite where there is none. */
async function pivots(api: Api): Promise<ReadonlyMap<string, number>> {
  const { data } = await api.good<
    readonly {
      readonly type: string;
      readonly pivot: { readonly beforeStep: string } | null;
      readonly steps: readonly { readonly name: string }[];
    }[]
  >("GET", "/v1/workflows/types");
  return new Map(
    data.map(({ type, pivot, steps }) => [
      type,
      pivot === null
        ? Number.POSITIVE_INFINITY
        : steps.findIndex(({ name }) => name === pivot.beforeStep),
    ]),
  );
}

/** Every run has ended, and left nothing half-done that nobody is told of. */
export async function endings(api: Api, { runs }: Shown): Promise<string[]> {
  const pivotOf = await pivots(api);
  return runs.flatMap((run) => {
    const isPast = run.steps
      .slice(pivotOf.get(run.type) ?? Number.POSITIVE_INFINITY)
      .some(({ attempts }) => attempts > 0);
    const problems: string[] = [];
    if (run.phase !== "ended") problems.push("has not ended");
    if (run.status === "pending" || run.status === "running") problems.push("is not over");
    if (run.cleanup !== "none" && run.cleanup !== "complete") problems.push("left things behind");
    if ((run.error !== null) !== (run.status === "failed"))
      problems.push("error and status differ");
    if (run.attention !== null && !isPast) problems.push("wants attention before its pivot");
    const isAnswered = runs.some(
      ({ resourceId, status, createdAt }) =>
        resourceId === run.resourceId && status === "completed" && createdAt > run.createdAt,
    );
    if (run.status === "failed" && isPast && run.attention === null && !isAnswered)
      problems.push("failed past its pivot and says so to nobody");
    if (run.waiting !== null) problems.push("still waits");
    return problems.map((problem) => `${run.type} ${run.id} ${problem}: ${summary(run)}`);
  });
}

/** The lists count what there is: all that was accepted, its children, and nothing else. */
export async function lists(
  api: Api,
  { runs, servers }: Shown,
  accepted: ReadonlySet<string>,
): Promise<string[]> {
  const problems: string[] = [];
  const ids = new Set(runs.map(({ id }) => id));
  if (ids.size !== runs.length) problems.push(`the list of runs repeats itself`);
  for (const id of accepted) if (!ids.has(id)) problems.push(`${id} was accepted and is not there`);
  for (const { id, parent, type } of runs)
    if (!accepted.has(id) && (parent === null || !ids.has(parent)))
      problems.push(`${type} ${id} was asked for by nobody`);
  const total = async (path: string): Promise<number> => {
    const { meta } = await api.good("GET", path);
    return (meta["pagination"] as { readonly total: number }).total;
  };
  const counted = await total("/v1/workflows/runs?limit=1");
  if (counted !== runs.length) problems.push(`${runs.length} runs are counted as ${counted}`);
  for (const status of ["pending", "running", "completed", "failed", "cancelled"] as const) {
    const there = runs.filter((run) => run.status === status).length;
    const said = await total(`/v1/workflows/runs?limit=1&status=${status}`);
    if (there !== said) problems.push(`${there} runs ${status} are counted as ${said}`);
  }
  const said = await total(`${serversPath}?limit=1`);
  if (said !== servers.length) problems.push(`${servers.length} servers are counted as ${said}`);
  return problems;
}

/** No server is held by a run that is over, by what it shows and by what a new request would meet. */
export async function locks(api: Api, { servers }: Shown): Promise<string[]> {
  const problems: string[] = [];
  for (const { id, activeRunId, actions } of servers) {
    if (activeRunId !== null) problems.push(`server ${id} is held by ${activeRunId}`);
    const action = actions.find((each) => each === "power-on");
    if (action === undefined) continue;
    const { data } = await api.good<{ readonly refusals: readonly { readonly code: string }[] }>(
      "POST",
      `${serverPath(id)}/lifecycle?plan=true`,
      { body: { action } },
    );
    for (const { code } of data.refusals) problems.push(`server ${id} refuses work: ${code}`);
  }
  return problems;
}

/**
 * Exactly once. An effect that was asked for carries `<run>/<step>`. What the same step may do once, and what not:
 *
 *   power-off        once by asking the system and once by cutting the power; a second of either is a duplicate
 *   power-on         once; a cycle that was repeated after a crash would show two
 *   media-inserted   once per image, whatever the slot; media-ejected the same, by the step or by its undo
 *   boot-override    set once, and taken back once
 *   erase            started once per drive
 *   indicator-set    once
 *   install-started  not asked for by a step, but by the power-on: at most once per provision run that passed its pivot,
 *                    and just once when that run completed
 */
export function effectsOnce(effects: readonly Effect[], { runs }: Shown, lab: Lab): string[] {
  const problems: string[] = [];
  const seen = new Map<string, Effect>();
  const byId = new Map<string, Run>(runs.map((run) => [run.id, run]));
  for (const effect of effects) {
    const { key, target, action, detail } = effect;
    if (key === undefined) continue;
    const [id = "", stepName = ""] = key.split("/");
    const step = byId.get(id)?.steps.find(({ name }) => name === stepName);
    if (step === undefined) problems.push(`${action} on ${target} is of no run: ${key}`);
    else if (step.attempts === 0) problems.push(`${action} on ${target} before its intent: ${key}`);
    for (const what of identities(action, detail)) {
      const identity = `${key} ${target} ${what}`;
      const first = seen.get(identity);
      if (first !== undefined && !isEraseForgotten(effects, first, effect))
        problems.push(`twice: ${what} on ${target} by ${key} at ${first.at} and ${effect.at}`);
      seen.set(identity, effect);
    }
  }
  const serverOf = new Map(
    runs.filter(({ type }) => type === "server.register").map((run) => [run.resourceId, run]),
  );
  for (const bmc of lab.bmcs) {
    const started = effects.filter(
      ({ target, action }) => target === bmc.name && action === "install-started",
    ).length;
    const provisions = runs.filter(
      ({ type, resourceId }) =>
        type === "server.provision" && addressOf(serverOf.get(resourceId)) === bmc.address,
    );
    const past = provisions.filter(({ steps }) =>
      steps.some(({ name, attempts }) => name === "power-cycle" && attempts > 0),
    ).length;
    const completed = provisions.filter(({ status }) => status === "completed").length;
    if (started > past || started < completed)
      problems.push(
        `${bmc.name} was installed ${started} times by ${past} runs, ${completed} of which completed`,
      );
  }
  return problems;
}

/** BMCs of the lab whose tasks tell what they were for, while they are kept. */
const tellingTasks = /-(openbmc|gb200)$/;
/** How long the lab keeps an ended task at the speed of these tests. */
const taskKeptMs = 3_500;

/**
 * An erase that has ended before anybody noted that it was begun. Where the BMC cannot tell what it was asked, or has
 * forgotten it, erasing once more is the only way to a proof.
 */
function isEraseForgotten(effects: readonly Effect[], first: Effect, second: Effect): boolean {
  // Some machines are restarted for an erase, under the same key.
  if (first.key?.endsWith("/erase") !== true) return false;
  const serialsOf = ({ detail }: Effect) => (detail["serials"] ?? []) as readonly string[];
  const [serial] = serialsOf(first);
  const hasEnded = effects.some(
    (effect) =>
      effect.target === first.target &&
      effect.action === "erase-finished" &&
      effect.at > first.at &&
      effect.at <= second.at &&
      (serial === undefined || serialsOf(effect).includes(serial)),
  );
  const pausedMs = Date.parse(second.at) - Date.parse(first.at);
  return hasEnded && (!tellingTasks.test(first.target) || pausedMs >= taskKeptMs);
}

/** An installer whose call-back was answered has been heard, whoever answered and whatever became of that process. */
export function callbacksHeard(effects: readonly Effect[], { runs }: Shown, lab: Lab): string[] {
  const addresses = new Map(
    runs.filter(({ type }) => type === "server.register").map((run) => [run.resourceId, run]),
  );
  return runs.flatMap((run) => {
    if (run.type !== "server.provision" || run.error?.code !== "STEP_TIMEOUT") return [];
    const bmc = lab.bmcs.find(
      ({ address }) => address === addressOf(addresses.get(run.resourceId)),
    );
    const delivered = effects.find(
      ({ target, action, at }) =>
        target === bmc?.name && action === "callback-delivered" && at > (run.startedAt ?? ""),
    );
    return delivered === undefined
      ? []
      : [`${run.id} waited for a call-back that was answered at ${delivered.at}`];
  });
}

/** What makes two effects of one step the same. */
function identities(action: string, detail: Effect["detail"]): string[] {
  const text = (name: string): string => String(detail[name]);
  switch (action) {
    case "media-inserted":
    case "media-ejected":
      return [`${action} ${text("image")}`];
    case "power-off":
    case "power-on":
    case "restart":
      return [`${action} ${text("reset")}`];
    case "boot-override-set":
      return [`${action} ${text("enabled")}`];
    case "erase-started":
    case "erase-asked":
      return (detail["serials"] as readonly string[]).map((serial) => `${action} ${serial}`);
    default:
      return [action];
  }
}

const addressOf = (registration: Run | undefined): string | null => {
  const input = registration?.input as { readonly bmcAddress?: string } | undefined;
  return input?.bmcAddress ?? null;
};

/** The world is as the API says: nothing left in a slot, nothing to boot by surprise, power as shown. */
export async function world(lab: Lab, { servers }: Shown): Promise<string[]> {
  const problems: string[] = [];
  for (const { id, state, power, bmc } of servers) {
    // What a failed installation left is what its `attention` speaks of.
    if (state === "error") continue;
    const machine = lab.bmcs.find(({ address }) => address === bmc.address);
    if (machine === undefined) {
      problems.push(`server ${id} is at ${bmc.address}, which is no machine of the lab`);
      continue;
    }
    const is = await lab.snapshot(machine.name);
    const boot = is["boot"] as { readonly enabled: string };
    if (Object.keys(is["media"] as object).length > 0)
      problems.push(`${machine.name} (${state}) still has ${JSON.stringify(is["media"])} in`);
    if (boot.enabled !== "Disabled")
      problems.push(`${machine.name} (${state}) will boot ${JSON.stringify(boot)}`);
    if (power !== "unknown" && String(is["power"]).toLowerCase() !== power)
      problems.push(`${machine.name} (${state}) is ${String(is["power"])} and shown as ${power}`);
  }
  return problems;
}

/**
 * One session per BMC is kept, and none after the end. A process that is killed between a BMC's answer and its own note
 * of it leaves one that nobody can know of; it times out at the BMC. So a BMC may have one for each kill, and all of
 * them together one each: every verb that left a session behind would leave far more.
 */
export async function sessions(lab: Lab, kept: 0 | 1, kills: number): Promise<string[]> {
  const problems: string[] = [];
  let lost = 0;
  for (const { name } of lab.bmcs) {
    const left = Math.max(0, (await lab.sessions(name)) - kept);
    lost += left;
    if (left > kills) problems.push(`${left} sessions are left at ${name} after ${kills} kills`);
  }
  if (lost > lab.bmcs.length) problems.push(`${lost} sessions are left at ${lab.bmcs.length} BMCs`);
  return problems;
}
