import type { PowerIntent, SystemState } from "#drivers/ports.ts";
import type { Wait } from "#engine/kit.ts";
import { writing as writingHost } from "#workflows/kubernetes.ts";
import { type ServerContext, bmcOf, reading, writing } from "./kit.ts";
import { awaitPowerHeeded, hostOf, lookAtHost } from "./host.ts";

/**
 * A server's power, whoever manages it. Under Metal3 the wish goes to the host, which would otherwise put its own wish through
 * against ours; when its operating system is asked to shut down, and for how long, is then Metal3's business.
 */
export interface Machine {
  /** Null once its power can be told and asked for; else what to wait for. */
  ready(): Promise<Wait | null>;
  readState(): Promise<SystemState>;
  setPower(intent: PowerIntent): Promise<"already" | "asked">;
  /** Once it is off by force: takes the force away, the wish stays. Repeating is safe. */
  letGo(): Promise<void>;
  /** In declared ms: how long cutting the power takes at most; after that it does not happen. */
  readonly cutMs: number;
}

const bmcCutMs = 90_000;
/** Metal3 asks an operating system for three minutes before it cuts the power, and gives that a minute (baremetal-operator, Ironic). */
const metal3CutMs = 300_000;

export function machineOf(context: ServerContext): Machine {
  const { ports, resource } = context;
  const host = hostOf(resource);
  if (host === null) {
    const bmc = bmcOf(resource);
    return {
      ready: async () => null,
      readState: () => ports.bmc.readState(bmc, reading(context)),
      setPower: (intent) => ports.bmc.setPower(bmc, intent, writing(context)),
      letGo: async () => undefined,
      cutMs: bmcCutMs,
    };
  }
  return {
    ready: () => awaitPowerHeeded(context, host),
    async readState() {
      const { power, online } = await lookAtHost(context, host);
      return {
        power,
        changing: power !== "unknown" && (power === "on") !== online,
        bootProgress: null,
        lastResetAt: null,
        boot: null,
        indicator: "unknown",
      };
    },
    setPower: (intent) => ports.hosts.setPower(host, intent, writingHost(context)),
    // What holds the host off by force would hold it off whoever else switches it on.
    letGo: async () => void (await ports.hosts.setPower(host, "off", writingHost(context))),
    cutMs: metal3CutMs,
  };
}
