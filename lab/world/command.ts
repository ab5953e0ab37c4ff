import type {
  Account,
  BiosValue,
  BootOverride,
  EraseJob,
  Machine,
  Medium,
  Rules,
} from "./machine.ts";
import { cleanDisks, writeImage } from "./deployment.ts";
import { powerState, presentDisks } from "./machine.ts";
import { changed, refused, unchanged } from "./outcome.ts";
import type { Commanded } from "./outcome.ts";
import { failInstall } from "./phases.ts";
import { reset } from "./reset.ts";
import type { ResetType } from "./reset.ts";

/** What can be done to a machine from outside: by its BMC, or by a hand in the rack. */
export type Command =
  | { readonly do: "reset"; readonly type: ResetType }
  | { readonly do: "set-boot"; readonly boot: Partial<BootOverride> }
  | { readonly do: "insert-media"; readonly slot: string; readonly medium: Medium }
  | { readonly do: "eject-media"; readonly slot: string }
  | { readonly do: "set-indicator"; readonly indicator: Machine["indicator"] }
  | { readonly do: "set-asset-tag"; readonly assetTag: string }
  | { readonly do: "set-bios"; readonly attributes: Readonly<Record<string, BiosValue>> }
  | { readonly do: "reset-bios" }
  | {
      readonly do: "set-account";
      readonly id: string;
      readonly change: Partial<Omit<Account, "id">>;
    }
  | {
      readonly do: "erase";
      readonly serials: readonly string[];
      readonly method: string;
      readonly scope: EraseJob["scope"];
      readonly target: string;
      readonly start: "now" | "on-restart";
    }
  | { readonly do: "write-image"; readonly os: string }
  | { readonly do: "clean-disks" }
  | { readonly do: "restart-bmc" }
  | { readonly do: "clear-log"; readonly upTo: number }
  | { readonly do: "pull-part"; readonly part: string }
  | { readonly do: "return-part"; readonly part: string };

/** Carries out one command on a machine that has been advanced to `at`. Pure; only `changed` comes with changes. */
export function execute(machine: Machine, command: Command, at: number, rules: Rules): Commanded {
  switch (command.do) {
    case "reset":
      return reset(machine, command.type, at, rules);
    case "set-boot":
      return setBoot(machine, command.boot, at);
    case "insert-media":
      return insert(machine, command.slot, command.medium, at);
    case "eject-media":
      return eject(machine, command.slot, at);
    case "set-indicator": {
      const { indicator } = command;
      if (machine.indicator === indicator) return unchanged(machine);
      return changed(
        { ...machine, indicator },
        { at, action: "indicator-set", detail: { indicator } },
      );
    }
    case "set-asset-tag": {
      const { assetTag } = command;
      if (machine.assetTag === assetTag) return unchanged(machine);
      return changed(
        { ...machine, assetTag },
        { at, action: "asset-tag-set", detail: { assetTag } },
      );
    }
    case "set-bios":
      return setBios(machine, command.attributes, at);
    case "reset-bios":
      if (Object.keys(machine.bios).length === 0) return unchanged(machine);
      return changed(
        { ...machine, bios: {}, biosPending: {} },
        { at, action: "bios-reset", detail: {} },
      );
    case "set-account":
      return setAccount(machine, command.id, command.change, at);
    case "erase":
      return erase(machine, command, at, rules);
    case "write-image":
      return writeImage(machine, command.os, at, rules);
    case "clean-disks":
      return cleanDisks(machine, at, rules);
    case "restart-bmc":
      return restartBmc(machine, at, rules);
    case "clear-log":
      return changed(
        { ...machine, logClearedUpTo: command.upTo },
        { at, action: "log-cleared", detail: {} },
      );
    case "pull-part": {
      const { part } = command;
      if (machine.pulled.includes(part)) return unchanged(machine);
      const pulled = [...machine.pulled, part].toSorted();
      return changed({ ...machine, pulled }, { at, action: "part-pulled", detail: { part } });
    }
    case "return-part": {
      const { part } = command;
      if (!machine.pulled.includes(part)) return unchanged(machine);
      const pulled = machine.pulled.filter((other) => other !== part);
      return changed({ ...machine, pulled }, { at, action: "part-returned", detail: { part } });
    }
  }
}

function setBoot(machine: Machine, wanted: Partial<BootOverride>, at: number): Commanded {
  const boot = { ...machine.boot, ...wanted };
  const isSame =
    boot.enabled === machine.boot.enabled &&
    boot.target === machine.boot.target &&
    boot.mode === machine.boot.mode;
  if (isSame) return unchanged(machine);
  return changed({ ...machine, boot }, { at, action: "boot-override-set", detail: { ...boot } });
}

function insert(machine: Machine, slot: string, medium: Medium, at: number): Commanded {
  const present = machine.media[slot];
  if (present?.image === medium.image) return unchanged(machine);
  if (present !== undefined) return refused(machine, "slot-in-use");
  const media = { ...machine.media, [slot]: medium };
  return changed(
    { ...machine, media },
    { at, action: "media-inserted", detail: { slot, image: medium.image } },
  );
}

function eject(machine: Machine, slot: string, at: number): Commanded {
  const { [slot]: present, ...media } = machine.media;
  if (present === undefined) return refused(machine, "slot-is-empty");
  const ejected = changed(
    { ...machine, media },
    { at, action: "media-ejected", detail: { slot, image: present.image } },
  );
  const { phase } = machine;
  if (phase.kind !== "installing" || phase.slot !== slot) return ejected;
  const failed = failInstall(ejected.machine, phase, "the installer lost its medium", at);
  return { ...ejected, machine: failed.machine, changes: [...ejected.changes, ...failed.changes] };
}

function setBios(
  machine: Machine,
  attributes: Readonly<Record<string, BiosValue>>,
  at: number,
): Commanded {
  const biosPending = { ...machine.biosPending, ...attributes };
  const isSame = Object.entries(attributes).every(
    ([name, value]) => (machine.biosPending[name] ?? machine.bios[name]) === value,
  );
  if (isSame) return unchanged(machine);
  return changed({ ...machine, biosPending }, { at, action: "bios-set", detail: { attributes } });
}

function setAccount(
  machine: Machine,
  id: string,
  change: Partial<Omit<Account, "id">>,
  at: number,
): Commanded {
  const accounts = machine.accounts.map((account) =>
    account.id === id ? { ...account, ...change } : account,
  );
  if (JSON.stringify(accounts) === JSON.stringify(machine.accounts)) return unchanged(machine);
  // The log says which property changed, never a password.
  const detail = { account: id, properties: Object.keys(change) };
  return changed({ ...machine, accounts }, { at, action: "account-changed", detail });
}

function erase(
  machine: Machine,
  command: Extract<Command, { do: "erase" }>,
  at: number,
  rules: Rules,
): Commanded {
  const serials = command.serials.filter((serial) =>
    presentDisks(machine).some((disk) => disk.serial === serial),
  );
  const isBusy = machine.jobs.some(
    (job) => job.result === "running" && job.serials.some((serial) => serials.includes(serial)),
  );
  if (isBusy) return refused(machine, "drive-is-busy");
  const isNow = command.start === "now";
  const job: EraseJob = {
    id: machine.jobCount + 1,
    serials,
    method: command.method,
    scope: command.scope,
    target: command.target,
    askedAt: at,
    startedAt: isNow ? at : null,
    until: isNow ? at + rules.timing.eraseMs : null,
    result: "running",
    forgotten: false,
  };
  const action = isNow ? "erase-started" : "erase-asked";
  const asked = changed(
    { ...machine, jobs: [...machine.jobs, job], jobCount: job.id },
    { at, action, detail: { serials, method: command.method } },
  );
  return { ...asked, outcome: { kind: "changed", job } };
}

/** The host goes on running while its BMC restarts; tasks are forgotten, what they do to the drives is not undone. */
function restartBmc(machine: Machine, at: number, rules: Rules): Commanded {
  if (machine.bmc.restartingUntil !== null) return unchanged(machine);
  const bmc = { ...machine.bmc, restartingUntil: at + rules.timing.bmcRestartMs };
  const jobs = machine.jobs.map((job) => ({ ...job, forgotten: true }));
  return changed(
    { ...machine, bmc, jobs },
    { at, action: "bmc-restarted", detail: { host: powerState(machine) } },
  );
}
