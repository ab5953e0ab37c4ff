import { z } from "zod";
import type { FailureCode } from "#contract/failures.ts";
import { VmCreateInput } from "#contract/vm-inputs.ts";
import { CreateVmBody, DeleteVmQuery, VmPowerBody } from "#contract/vm-requests.ts";
import { Vm, VmLifecycleState } from "#contract/vm.ts";
import { createInput, deleteInput, powerInput } from "#domain/vm/run-inputs.ts";
import { nameTaken } from "#engine/refusals.ts";
import { mutationHeaders } from "#http/accepted.ts";
import { vmSubject } from "#http/compute-subjects.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { accepted, single } from "#http/envelope.ts";
import { configured, placeFor } from "#http/kubernetes-choice.ts";
import type { Once } from "#http/once.ts";
import { PlaceParams, VmParams, placeOf } from "#http/place.ts";
import { Plan } from "#http/plan.ts";
import { PlanQuery, name, plan } from "#http/queries.ts";
import { type Door, type Foreseen, startRun } from "#http/start-run.ts";
import { ComputeKey, computeSorts } from "#projections/compute-reader.ts";
import { eventsRoute, runsRoute } from "./history.ts";
import { listRoute, readRoute } from "./reading.ts";

/** Virtual machines: reading them, and what is done to them, each by a run. */

const vmsPath = "/v1/regions/{region}/projects/{project}/compute/vms";
const vmPath = `${vmsPath}/{vmId}`;

const shown = {
  type: "vm",
  noun: "virtual machine",
  tag: "Virtual machines",
  path: vmPath,
  params: VmParams,
  idOf: ({ vmId }: z.output<typeof VmParams>) => vmId,
  schema: Vm,
} as const;

const listed = {
  ...shown,
  path: vmsPath,
  filters: { state: VmLifecycleState.optional(), name: name.optional() },
  sorts: computeSorts,
  key: ComputeKey,
} as const;

const startAnswers = {
  200: {
    description:
      "With `Prefer: wait`: the virtual machine, once the run has ended; `meta.workflowId` is the run, which says whether it completed. With `plan=true`: the plan",
    schema: single(z.union([Vm, Plan])),
  },
  202: {
    description: "Accepted; the virtual machine as it now is, and the run in `meta.workflowId`",
    schema: accepted(Vm),
    headers: {
      Location: "Where the run is read",
      "Retry-After": "Seconds until a look is worth it",
    },
  },
};

const shared = {
  tag: "Virtual machines",
  access: "key",
  headers: mutationHeaders,
  answers: startAnswers,
} as const;

const changeRefusals: readonly FailureCode[] = [
  "NOT_FOUND",
  "CONFLICT",
  "INVALID_STATE_TRANSITION",
  "IDEMPOTENCY_KEY_REUSED",
];

const example = {
  name: "build-1",
  cpus: 2,
  memory: "4Gi",
  disks: [{ name: "root", size: "20Gi", image: "https://images.example/debian-13.qcow2" }],
};

const createRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: vmsPath,
      summary: "Create a virtual machine",
      description:
        "Everything is undone when it fails, unless `onFailure` says otherwise: a failed creation leaves no machine. Without a configured management cluster it is refused as UNAVAILABLE.",
      params: PlaceParams,
      query: PlanQuery,
      body: { schema: CreateVmBody, example },
      refusals: [
        "NOT_FOUND",
        "CONFLICT",
        "IDEMPOTENCY_KEY_REUSED",
        // Of the run, when it was waited for.
        "RUN_CANCELLED",
        "KUBERNETES_UNAVAILABLE",
        "KUBERNETES_REJECTED",
        "KUBERNETES_FORBIDDEN",
        "STEP_TIMEOUT",
      ],
    },
    async (call) => {
      const home = placeOf(call.params, deps.region);
      const wanted = async () => {
        const { body } = call;
        const place = placeFor(configured(deps.kubernetes), body.managementCluster);
        const secret = body.userData === undefined ? null : await deps.seal(body.userData);
        const userData = secret?.id ?? null;
        const input = createInput({ body, place, userData, vmId: deps.ids.vm(), ...home });
        const secrets = secret === null ? [] : [secret];
        // No facts of ours, but said: it is new, so there is nothing to be read before it is written.
        return { workflow: "vm.create", input, secrets, facts: [] } as const;
      };
      const foreseen: Foreseen = async ({ input }) => {
        const { spec } = VmCreateInput.parse(input);
        const bearer = await deps.vms.bearer(spec.place, spec.name);
        return bearer === null ? [] : [nameTaken("vm", bearer)];
      };
      return startRun(door, call, { place: home, wanted, foreseen });
    },
  );

const powerRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: `${vmPath}/power`,
      summary: "Start, stop, restart, pause or unpause",
      description: "What is so already is a success that says so.",
      params: VmParams,
      query: PlanQuery,
      body: { schema: VmPowerBody, example: { action: "stop" } },
      refusals: changeRefusals,
    },
    (call) =>
      startRun(door, call, {
        place: placeOf(call.params, deps.region),
        wanted: async () => ({
          workflow: "vm.power",
          input: powerInput(call.params.vmId, call.body),
        }),
      }),
  );

const DeleteQuery = DeleteVmQuery.safeExtend({ plan });

const deleteRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "delete",
      path: vmPath,
      summary: "Delete a virtual machine",
      description:
        "Its disks go with it, unless `keepDisks` says otherwise. Success means that it is gone.",
      params: VmParams,
      query: DeleteQuery,
      refusals: changeRefusals,
    },
    (call) =>
      startRun(door, call, {
        place: placeOf(call.params, deps.region),
        wanted: async () => ({
          workflow: "vm.delete",
          input: deleteInput(call.params.vmId, call.query),
        }),
      }),
  );

export function vmRoutes(deps: ApiDependencies, once: Once): Route[] {
  const door: Door = { ...deps, once, subject: vmSubject(deps) };
  const kind = { ...deps.vms, ...shown };
  return [
    listRoute(deps, { ...listed, reader: deps.vms }),
    createRoute(deps, door),
    readRoute(deps, kind),
    powerRoute(deps, door),
    deleteRoute(deps, door),
    eventsRoute(deps, kind),
    runsRoute(deps, kind),
  ];
}
