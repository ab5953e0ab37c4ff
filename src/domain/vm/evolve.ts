import type { VmFact } from "#contract/vm.ts";
import { withRun, withoutRun } from "#domain/at-work.ts";
import type { Happened } from "#domain/resource-model.ts";
import type { VmSound, VmState, VmTrouble, VmWork } from "./state.ts";

/** A virtual machine after a fact. Total: a fact that does not fit, or that a later version wrote, changes nothing. */
export function evolve(vm: VmState | null, fact: Happened<VmFact>): VmState | null {
  if (fact.type === "vm.requested") return requested(vm, fact);
  if (vm === null) return null;
  // What is deleted has its place in the record for good.
  if (fact.type === "vm.creation_undone") return vm.rest.state === "deleted" ? vm : null;
  return { ...vm, ...change(vm, fact), updatedAt: fact.at };
}

type Requested = Extract<Happened<VmFact>, { type: "vm.requested" }>;
type Other = Exclude<Happened<VmFact>, { type: "vm.requested" | "vm.creation_undone" }>;

/** A new virtual machine, or the same one asked for again by a retry: what it has already stays. */
function requested(vm: VmState | null, { data, at }: Requested): VmState {
  const { vm: id, region, project, spec } = data;
  return { ...(vm ?? { ...bare, createdAt: at }), id, region, project, spec, updatedAt: at };
}

const bare = {
  rest: { state: "creating" },
  runs: [],
  node: null,
  addresses: [],
  problems: [],
  problemsAt: null,
} as const satisfies Partial<VmState>;

function change(vm: VmState, fact: Other): Partial<VmState> {
  switch (fact.type) {
    case "vm.run_began": {
      const { run, workflow, action, state: shows } = fact.data;
      return withRun(vm, { run, workflow, action, shows });
    }
    case "vm.run_ended": {
      // What is deleted stays so, however the run that did it ends.
      const error = vm.rest.state === "deleted" ? null : fact.data.error;
      return withoutRun(vm, { run: fact.data.run, error }, troubleFrom);
    }
    case "vm.problems_seen":
      return { problems: fact.data.problems, problemsAt: fact.at };
    case "vm.created":
      // A `power_changed` beside it may have said more exactly what it is.
      return vm.rest.state === "creating" || vm.rest.state === "error"
        ? is(vm, vm.spec.running ? "running" : "stopped")
        : {};
    case "vm.power_changed": {
      const { power, node, addresses } = fact.data;
      return { ...is(vm, power), node, addresses };
    }
    case "vm.restarted":
      return { ...is(vm, "running"), ...fact.data };
    case "vm.deleted":
      return { rest: { state: "deleted" }, node: null, addresses: [], problems: [] };
    default:
      return unchanged(fact);
  }
}

/** Reached only by facts that a later version wrote; the type says that this version's are all handled. */
const unchanged = (_fact: never): Partial<VmState> => ({});

/** Seen to be so, whatever was wrong before. Only a deletion is final. */
const is = ({ rest }: VmState, state: VmSound["state"]): Pick<VmState, "rest"> => ({
  rest: rest.state === "deleted" ? rest : { state },
});

export function troubleFrom({ workflow }: VmWork): VmTrouble {
  if (workflow === "vm.create") return "creation";
  return workflow === "vm.delete" ? "deletion" : "power";
}
