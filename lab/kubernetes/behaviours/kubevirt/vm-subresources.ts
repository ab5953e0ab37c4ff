import type {
  AggregatedPath,
  AggregatedReply,
  ClusterClient,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import type { KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import { hash } from "#lab/profiles/seed.ts";
import { migrationRefusal } from "./migration-admission.ts";
import {
  instanceKind,
  instanceSpec,
  instanceStatus,
  isFinal,
  strategyOf,
  vmKind,
  vmSpec,
  vmStatus,
} from "./objects.ts";
import type { RunStrategy, StateChangeRequest } from "./objects.ts";
import { accepted, badRequest, conflict, notFound } from "./replies.ts";

/** One call of a verb on a virtual machine that is there. */
interface VmCall {
  readonly vm: KubeObject;
  readonly key: ObjectKey;
  readonly strategy: RunStrategy;
  readonly instance: KubeObject | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  readonly cluster: ClusterClient;
}

type Verb = (call: VmCall) => AggregatedReply;

/** start, stop, restart and migrate, as virt-api answers them for each run strategy (pkg/virt-api/rest/lifecycle.go). */
export function vmSubresources(groupVersion: string): readonly AggregatedPath[] {
  const verbs: Readonly<Record<string, Verb>> = { start, stop, restart, migrate };
  return Object.entries(verbs).map(([name, verb]) => ({
    groupVersion,
    resource: `virtualmachines/${name}`,
    put: (target, body, cluster) => {
      const key: ObjectKey = { kind: vmKind, ...target };
      const vm = cluster.get(key);
      if (vm === undefined) return notFound("virtualmachine", target.name);
      const instance = cluster.get({ ...key, kind: instanceKind });
      const options = (body ?? {}) as VmCall["body"];
      return verb({ vm, key, strategy: strategyOf(vm), instance, body: options, cluster });
    },
  }));
}

function start(call: VmCall): AggregatedReply {
  const { strategy, instance, body } = call;
  const status = instance === undefined ? undefined : instanceStatus(instance);
  if (status !== undefined && status.phase !== undefined && !isFinal(status)) {
    return refuse(call, "VM is already running");
  }
  const isPaused = body["paused"] === true;
  const begin: StateChangeRequest = {
    action: "Start",
    ...(isPaused ? { data: { paused: "true" } } : {}),
  };
  switch (strategy) {
    case "Halted":
      return isPaused ? request(call, begin) : setRunning(call, true);
    case "Manual":
    case "RerunOnFailure":
      if (strategy === "RerunOnFailure" && status?.phase === "Failed") {
        return refuse(call, `${strategy} does not support starting VM from failed state`);
      }
      return instance !== undefined && status?.phase !== undefined
        ? request(call, stopOf(instance), begin)
        : request(call, begin);
    case "Always":
    case "Once":
      return refuse(call, `${strategy} does not support manual start requests`);
    case "WaitAsReceiver":
      return accepted;
  }
}

function stop(call: VmCall): AggregatedReply {
  const { strategy, instance, body } = call;
  const running =
    instance === undefined || isFinal(instanceStatus(instance)) ? undefined : instance;
  const graceS = typeof body["gracePeriod"] === "number" ? body["gracePeriod"] : undefined;
  const beforeS =
    running === undefined ? undefined : instanceSpec(running).terminationGracePeriodSeconds;
  const setGrace = (): void => {
    if (running !== undefined && graceS !== undefined) setGracePeriod(call, graceS);
  };
  switch (strategy) {
    case "Halted": {
      if (running === undefined) return refuse(call, "VM is not running");
      if (graceS === undefined || (beforeS !== undefined && graceS >= beforeS)) {
        setGrace();
        return refuse(call, "Halted only supports manual stop requests with a shorter graceperiod");
      }
      setGrace();
      return request(call, stopOf(running));
    }
    case "Manual":
    case "RerunOnFailure":
      if (running === undefined) return refuse(call, "VM is not running");
      setGrace();
      return request(call, stopOf(running));
    case "Always":
    case "Once":
      setGrace();
      return setRunning(call, false);
    case "WaitAsReceiver":
      return accepted;
  }
}

function restart(call: VmCall): AggregatedReply {
  const { strategy, instance, body } = call;
  const graceS = body["gracePeriodSeconds"];
  if (typeof graceS === "number" && graceS > 0) {
    return badRequest("For force restart, only gracePeriod=0 is supported for now");
  }
  if (typeof graceS === "number" && graceS < 0) {
    return badRequest("gracePeriod has to be greater or equal to 0");
  }
  if (strategy === "Halted" || strategy === "Once") {
    return refuse(call, `RunStategy ${strategy} does not support manual restart requests`);
  }
  if (instance === undefined) return refuse(call, "VM is not running: Halted");
  const reply = request(call, stopOf(instance), { action: "Start" });
  if (reply.status === 202 && graceS === 0) setGracePeriod(call, 0);
  return reply;
}

function migrate({ vm, key, instance, body, cluster }: VmCall): AggregatedReply {
  const { name, namespace } = key;
  if (instance === undefined) return notFound("virtualmachineinstance", name);
  if (instanceStatus(instance).phase !== "Running") {
    return conflict("virtualmachine", name, "VM is not running");
  }
  // virt-api makes the object as any client would: its webhook's refusal becomes an internal error with its text.
  const refusal = migrationRefusal(instance, cluster);
  if (refusal !== null) return { status: 500, body: internalError(refusal) };
  const suffix = hash(`${vm.metadata.uid}/${cluster.now()}`).toString(36).slice(0, 5);
  const addedNodeSelector = body["addedNodeSelector"];
  cluster.create({
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachineInstanceMigration",
    metadata: {
      name: `kubevirt-migrate-vm-${suffix}`,
      namespace,
      labels: { "kubevirt.io/vmi-name": name },
    },
    spec: { vmiName: name, ...(addedNodeSelector === undefined ? {} : { addedNodeSelector }) },
  });
  return accepted;
}

function internalError(why: string): object {
  const message = `Internal error occurred: admission webhook "migration-create-validator.kubevirt.io" denied the request: ${why}`;
  const reason = "InternalError";
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    code: 500,
  };
}

function refuse({ key }: VmCall, why: string): AggregatedReply {
  return conflict("virtualmachine", key.name, why);
}

function stopOf(instance: KubeObject): StateChangeRequest {
  return { action: "Stop", uid: instance.metadata.uid };
}

/** Puts requests for virt-controller into the status. A lone stop replaces what is there, others must wait for it. */
function request(call: VmCall, ...requests: readonly StateChangeRequest[]): AggregatedReply {
  const { vm, key, cluster } = call;
  const { startFailure: _forgiven, ...status } = vmStatus(vm);
  const isLoneStop = requests.length === 1 && requests[0]?.action === "Stop";
  if ((status.stateChangeRequests ?? []).length > 0 && !isLoneStop) {
    return refuse(call, "unable to complete request: stop/start already underway");
  }
  cluster.updateStatus(key, { ...status, stateChangeRequests: requests });
  return accepted;
}

/** Rewrites the spec: whoever owned runStrategy by server-side apply has a conflict from now on. */
function setRunning({ key, cluster }: VmCall, running: boolean): AggregatedReply {
  cluster.update(key, (vm) => {
    const spec = vmSpec(vm);
    const wish =
      spec.runStrategy === undefined ? { running } : { runStrategy: running ? "Always" : "Halted" };
    return { ...vm, spec: { ...spec, ...wish } };
  });
  return accepted;
}

function setGracePeriod({ key, cluster }: VmCall, terminationGracePeriodSeconds: number): void {
  cluster.update({ ...key, kind: instanceKind }, (instance) => ({
    ...instance,
    spec: { ...instanceSpec(instance), terminationGracePeriodSeconds },
  }));
}
