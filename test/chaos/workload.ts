import { setTimeout as pause } from "node:timers/promises";
import type { Run } from "#contract/run.ts";
import type { LifecycleAction } from "#contract/server.ts";
import {
  type Api,
  imageOf,
  registration,
  runPath,
  serverPath,
  serversPath,
} from "#test/processes/api.ts";
import type { Lab, LabBmc } from "#test/processes/lab.ts";
import type { Random } from "./random.ts";

/**
 * What customers do while processes die: one script per machine, all at once. Every request carries an
 * `Idempotency-Key` and is repeated until it is answered, as a careful client does.
 */

type Wish =
  | { readonly do: "register"; readonly inspect: boolean }
  | { readonly do: "inspect" }
  | { readonly do: "provision"; readonly completion: "callback" | "power-off" }
  | { readonly do: "lifecycle"; readonly action: LifecycleAction }
  | { readonly do: "decommission" };

export interface Planned {
  readonly wish: Wish;
  /** When, after its acceptance, somebody thinks better of it. */
  readonly cancelAfterMs: number | null;
}

type Name = Exclude<Wish["do"], "register" | "lifecycle"> | LifecycleAction;

const lives: readonly [readonly Name[], ...(readonly Name[])[]] = [
  ["provision", "power-cycle"],
  ["provision", "reboot", "deprovision"],
  ["provision"],
  ["inspect", "identify-led-on"],
  ["power-on", "power-cycle", "power-off"],
  ["decommission"],
  ["power-on", "decommission"],
];

/** What one machine goes through. */
export function planLife(random: Random): Planned[] {
  const register: Wish = { do: "register", inspect: random.next() < 0.4 };
  const wishes = random.pick(lives).map((name): Wish => {
    if (name === "provision")
      return { do: name, completion: random.pick(["callback", "power-off"]) };
    return name === "inspect" || name === "decommission"
      ? { do: name }
      : { do: "lifecycle", action: name };
  });
  return [register, ...wishes].map((wish) => ({
    wish,
    cancelAfterMs: random.next() < 0.12 ? random.between(0, 1_500) : null,
  }));
}

/** What was answered to the scripts; the runs that must exist, and no others but their children. */
export interface Workload {
  readonly accepted: ReadonlySet<string>;
  /** Resolves when every script has come to its end. */
  readonly done: Promise<void>;
}

export function startWorkload(
  { api, lab }: { readonly api: Api; readonly lab: Lab },
  random: Random,
): Workload {
  const accepted = new Set<string>();
  const scripts = lab.bmcs.map(async (bmc, index) => {
    let server: string | null = null;
    for (const [step, { wish, cancelAfterMs }] of planLife(random.branch(index)).entries()) {
      const key = `chaos-${bmc.name}-${step}`;
      const asked = requestOf(wish, { bmc, lab, server });
      const answer = await api.persist(asked.method, asked.path, { body: asked.body, key });
      // An inspection that was not asked for leaves a server that must not be installed, and so on: 409 ends the script.
      if (answer.status === 409) return;
      if (answer.status !== 202)
        throw new Error(`${asked.method} ${asked.path}: ${answer.status} ${answer.text}`);
      accepted.add(answer.run);
      if (cancelAfterMs !== null) {
        await pause(cancelAfterMs);
        await cancel(api, answer.run, `${key}-cancel`);
      }
      const run: Run = await api.ended(answer.run);
      server = run.resourceId;
      if (run.status !== "completed") return;
    }
  });
  const done = Promise.all(scripts).then(() => undefined);
  // Whoever awaits `done` hears of it; until then it must not end the process.
  done.catch(() => undefined);
  return { accepted, done };
}

async function cancel(api: Api, run: string, key: string): Promise<void> {
  const { status, error, text } = await api.persist("POST", `${runPath(run)}/cancel`, {
    body: { reason: "thought better of it" },
    key,
  });
  const isRefused =
    status === 409 && ["PAST_PIVOT", "INVALID_STATE_TRANSITION"].includes(error?.code ?? "");
  if (status !== 202 && !isRefused) throw new Error(`cancel ${run}: ${status} ${text}`);
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

function requestOf(
  wish: Wish,
  { bmc, lab, server }: { bmc: LabBmc; lab: Lab; server: string | null },
): Asked {
  const path = serverPath(server ?? "");
  switch (wish.do) {
    case "register":
      return {
        method: "POST",
        path: serversPath,
        body: registration(bmc, { inspect: wish.inspect }),
      };
    case "inspect":
      return { method: "POST", path: `${path}/inspect`, body: {} };
    case "provision": {
      const { completion } = wish;
      const body = { image: imageOf(lab.image("iso")), completion };
      return { method: "POST", path: `${path}/provision`, body };
    }
    case "lifecycle": {
      const { action } = wish;
      const body = { action, force: true, gracePeriodMs: 60_000 };
      return { method: "POST", path: `${path}/lifecycle`, body };
    }
    case "decommission":
      return { method: "DELETE", path };
  }
}
