import { base, extendedInfo, refuse } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { collection, isoTime, link } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import type { EraseJob } from "#lab/world/machine.ts";

const service = "/redfish/v1/TaskService";
const tasksHome = `${service}/Tasks`;
const monitorsHome = `${service}/TaskMonitors`;

/**
 * Tasks and their monitors. A task that the BMC deleted or lost in a restart is 404, whatever became of the work; a
 * monitor answers 202 while the work runs, and then with the result of the request.
 */
export function tasks(profile: Profile): Routes {
  return {
    [service]: {
      get: (call) => ({
        "@odata.id": service,
        "@odata.type": "#TaskService.v1_2_0.TaskService",
        Id: "TaskService",
        Name: "Task Service",
        ServiceEnabled: true,
        CompletedTaskOverWritePolicy: "Oldest",
        DateTime: isoTime(call.now),
        Status: { State: "Enabled", Health: "OK" },
        Tasks: link(tasksHome),
        ...profile.own.taskService?.(call),
      }),
    },
    [tasksHome]: {
      get: (call) => {
        const known = call.machine.jobs.filter(({ forgotten }) => !forgotten);
        return collection(
          tasksHome,
          "Task",
          known.map((job) => `${tasksHome}/${profile.tasks.id(job.id)}`),
        );
      },
    },
    [`${tasksHome}/{id}`]: {
      get: (call) => {
        const job = find(call);
        return job === undefined ? undefined : taskBody(call, job);
      },
    },
    [`${monitorsHome}/{id}`]: {
      answer: (call) => {
        const job = find(call);
        if (job === undefined) return refuse(profile, base.notFound(call.path));
        if (job.result === "running") return running(call, job);
        if (job.result === "done") return { status: 200, body: taskBody(call, job) };
        return refuse(profile, failure);
      },
    },
  };
}

const failure = {
  status: 500,
  id: "OperationFailed",
  text: "An error occurred internal to the service as part of the overall request: the drive reported that it was not erased.",
} as const;

function find(call: Call): EraseJob | undefined {
  const { id } = call.params;
  return call.machine.jobs.find((job) => !job.forgotten && call.profile.tasks.id(job.id) === id);
}

/** The 202 for a request whose work has begun. */
export function accepted(call: Call, job: EraseJob): Answer {
  return running(call, job);
}

function running(call: Call, job: EraseJob): Answer {
  const { tasks: rules } = call.profile;
  const id = rules.id(job.id);
  const location = rules.location === "monitor" ? `${monitorsHome}/${id}` : `${tasksHome}/${id}`;
  return {
    status: 202,
    headers: { Location: location, "Retry-After": "5" },
    body: taskBody(call, job),
  };
}

function taskBody(call: Call, job: EraseJob): Body {
  const { profile } = call;
  const id = profile.tasks.id(job.id);
  const state = stateOf(job, profile);
  return {
    "@odata.id": `${tasksHome}/${id}`,
    "@odata.type": `#${profile.versions.task}.Task`,
    Id: id,
    Name: job.scope === "drive" ? "Secure erase of a drive" : "Erase of the system",
    TaskState: state.state,
    TaskStatus: state.status,
    PercentComplete: percent(call, job),
    StartTime: isoTime(job.startedAt ?? job.askedAt),
    EndTime: job.result === "running" || job.until === null ? undefined : isoTime(job.until),
    TaskMonitor: profile.tasks.location === "monitor" ? `${monitorsHome}/${id}` : undefined,
    Payload:
      profile.tasks.hasPayload === true
        ? { HttpOperation: "POST", TargetUri: job.target, HttpHeaders: [], JsonBody: "{}" }
        : undefined,
    Messages:
      state.status === "OK" ? [] : [{ ...extendedInfo(profile, failure), Severity: "Critical" }],
  };
}

function stateOf(
  job: EraseJob,
  profile: Profile,
): { readonly state: string; readonly status: string } {
  switch (job.result) {
    case "running":
      return { state: job.startedAt === null ? "Pending" : "Running", status: "OK" };
    case "done":
      return { state: "Completed", status: "OK" };
    case "failed":
      return {
        state: profile.tasks.failure === "exception" ? "Exception" : "Completed",
        status: "Critical",
      };
  }
}

function percent(call: Call, job: EraseJob): number {
  if (job.result !== "running") return 100;
  if (job.startedAt === null || job.until === null) return 0;
  return Math.min(99, Math.floor((100 * (call.now - job.startedAt)) / (job.until - job.startedAt)));
}
