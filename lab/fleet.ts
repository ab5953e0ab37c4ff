import { randomBytes } from "node:crypto";
import { Bmc } from "./bmc/bmc.ts";
import { createCertificate } from "./bmc/certificate.ts";
import type { Faults } from "./bmc/fault.ts";
import { newborn } from "./profiles/newborn.ts";
import type { Profile } from "./profiles/profile.ts";
import type { Identity, Journal } from "./world/journal.ts";
import type { Timing } from "./world/timing.ts";
import { traitsOf } from "./world/traits.ts";
import type { World } from "./world/world.ts";

export interface FleetPorts {
  readonly world: World;
  readonly journal: Journal;
  readonly faults: Faults;
  readonly clock: () => number;
  readonly timing: Timing;
  readonly host: string;
}

/** A BMC that shall be there. */
export interface Wanted {
  readonly name: string;
  readonly profile: Profile;
  /** The port it must have; null: the one it had, or a free one. */
  readonly port: number | null;
  readonly isAdded: boolean;
}

/** How many BMCs are brought up at a time: their certificates are made by Node's pool of four threads. */
const atATime = 8;

/** The lab's BMCs. */
export class Fleet {
  readonly #ports: FleetPorts;
  readonly #bmcs = new Map<string, Bmc>();

  constructor(ports: FleetPorts) {
    this.#ports = ports;
  }

  get(name: string): Bmc | undefined {
    return this.#bmcs.get(name);
  }

  list(): readonly Bmc[] {
    return [...this.#bmcs.values()];
  }

  /** Brings all of them up; they are listed in the order given. Rejects when a demanded port is taken. */
  async addAll(wanted: readonly Wanted[]): Promise<void> {
    const waiting = [...wanted];
    const up = new Map<string, Bmc>();
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        up.set(next.name, await this.#bringUp(next));
      }
    };
    await Promise.all(Array.from({ length: atATime }, worker));
    for (const { name } of wanted) {
      const bmc = up.get(name);
      if (bmc !== undefined) this.#bmcs.set(name, bmc);
    }
  }

  /** Gives a BMC another certificate, as a firmware update or a factory reset would. */
  async replaceCertificate(bmc: Bmc, isExpired: boolean): Promise<void> {
    const certificate = await createCertificate(bmc.name, { now: this.#ports.clock(), isExpired });
    bmc.replaceCertificate(certificate);
    const known = this.#ports.journal.remembered.identities.get(bmc.name);
    this.#ports.journal.saveIdentity({
      name: bmc.name,
      port: bmc.port,
      isAdded: known?.isAdded ?? true,
      certificate,
    });
    this.#ports.world.note(bmc.name, "certificate-replaced", { isExpired });
  }

  async close(): Promise<void> {
    await Promise.all(this.list().map((bmc) => bmc.close()));
  }

  async #bringUp(wanted: Wanted): Promise<Bmc> {
    const { world, journal, faults, clock, timing, host } = this.#ports;
    const { name, profile, isAdded } = wanted;
    const known = journal.remembered.identities.get(name);
    const certificate =
      known?.certificate ?? (await createCertificate(name, { now: clock(), isExpired: false }));
    const { mediaTargets } = profile.boot;
    world.add(newborn(name, profile, clock()), { timing, traits: traitsOf(name), mediaTargets });
    const newToken = (): string => randomBytes(16).toString("hex");
    const bmc = new Bmc(name, profile, certificate, { world, faults, clock, newToken });
    if (wanted.port !== null) await bmc.listen(host, wanted.port);
    else await listenAgain(bmc, host, known?.port ?? 0);
    const identity: Identity = { name, port: bmc.port, certificate, isAdded };
    if (known?.port !== bmc.port) journal.saveIdentity(identity);
    return bmc;
  }
}

/** The port that it had before, unless somebody else has it now. */
async function listenAgain(bmc: Bmc, host: string, port: number): Promise<void> {
  try {
    await bmc.listen(host, port);
  } catch (error) {
    if (port === 0 || !isPortTaken(error)) throw error;
    await bmc.listen(host, 0);
  }
}

export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
