import { expect } from "vitest";
import type { ServerId } from "#contract/ids.ts";
import type { Fault } from "./faults.ts";
import type { Effect, LabBmc } from "./lab-process.ts";
import type { Site } from "./site.ts";

/** What a run changes, as the harness looks at it: a resource and its part of the world. */
export interface Subject {
  /** The resource as the API shows it, without the time of its last change; null when there is none. */
  view(): Promise<{ readonly state: string } | null>;
  /** Its part of the world, in a form in which two equal worlds are equal. */
  world(): Promise<unknown>;
  /** What happened to that part, oldest first. */
  effects(): Promise<readonly Effect[]>;
  /** What else must be true of it after a case. */
  check?(fault: Fault): Promise<void>;
}

/** What a case on a server works with. */
export interface ServerSubject {
  readonly id: ServerId;
  readonly bmc: LabBmc;
  readonly subject: Subject;
}

export const serverSubject = (site: Site, id: ServerId, bmc: LabBmc): ServerSubject => ({
  id,
  bmc,
  subject: {
    view: () => site.view(id),
    world: () => site.lab.snapshot(bmc.name),
    effects: () => site.lab.effects(bmc.name),
    check: (fault) => expectSessionsKnown(site, bmc, fault),
  },
});

/**
 * Every session that is open at the BMC is written down, so that some process ends it when it has been idle. One whose
 * opening was cut short, nobody can know of.
 */
async function expectSessionsKnown(site: Site, bmc: LabBmc, fault: Fault): Promise<void> {
  const cut = fault.kind === "passes its deadline" ? 1 : 0;
  const known = site.sessions.all().filter((session) => session.bmc === bmc.address);
  expect(await site.lab.sessions(bmc.name)).toBeLessThanOrEqual(known.length + cut);
}
