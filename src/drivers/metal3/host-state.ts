import type { Problem } from "#contract/cluster.ts";
import { RunId } from "#contract/ids.ts";
import type { HostState } from "#drivers/host-ports.ts";
import { oneLine } from "#drivers/kubernetes/conditions.ts";
import type { BareMetalHost } from "./kinds.ts";

/** Annotations by which a host is told what to do, or tells what it is left alone for (baremetal-operator, `docs/api.md`). */
export const inspectAnnotation = "inspect.metal3.io";
/** A reboot annotation with a key holds the host off until whoever set it takes it away. */
export const holdAnnotation = "reboot.metal3.io/millwright";
/** Its value where the power is to be cut without asking the operating system; any other asks first. */
export const holdHard = '{"mode":"hard"}';
const pausedAnnotation = "baremetalhost.metal3.io/paused";
const detachedAnnotation = "baremetalhost.metal3.io/detached";

/** Ours: the run whose wish the image is, and the run that asked for an inspection last. */
export const imageRunAnnotation = "millwright.dev/image-run";
export const inspectionRunAnnotation = "millwright.dev/inspection-run";

/** What workflows see of a host. */
export function hostState({ metadata, spec, status }: BareMetalHost): HostState {
  const { annotations } = metadata;
  const state = status?.provisioning?.state ?? "";
  const operationalStatus = status?.operationalStatus ?? "";
  const errorType = status?.errorType ?? "";
  const wanted = spec.image?.url ?? "";
  const written = status?.provisioning?.image?.url ?? "";
  const powered = status?.poweredOn;
  const problems = problemsOf({ metadata, spec, status });
  return {
    uid: metadata.uid,
    deleting: metadata.deletionTimestamp !== undefined,
    state,
    operationalStatus,
    power: powered === undefined || state === "" ? "unknown" : powered ? "on" : "off",
    online: spec.online && annotations[holdAnnotation] === undefined,
    image: { wanted: wanted === "" ? null : wanted, written: written === "" ? null : written },
    error:
      errorType === ""
        ? null
        : {
            type: errorType,
            message: oneLine(status?.errorMessage ?? ""),
            count: status?.errorCount ?? 0,
          },
    imageOf: wanted === "" ? null : runIn(annotations[imageRunAnnotation]),
    inspectionPending: annotations[inspectAnnotation] !== undefined,
    inspectionOf: runIn(annotations[inspectionRunAnnotation]),
    cleanedAt: status?.operationHistory?.deprovision?.end ?? null,
    cleaning: spec.automatedCleaningMode,
    consumer: consumerOf(spec),
    paused: annotations[pausedAnnotation] !== undefined,
    summary: summaryOf(state, operationalStatus, metadata.deletionTimestamp !== undefined),
    problems,
  };
}

/** Anybody can write an annotation. */
const runIn = (text: string | undefined): RunId | null => RunId.safeParse(text).data ?? null;

const consumerOf = ({ consumerRef }: BareMetalHost["spec"]): string | null =>
  consumerRef === undefined ? null : `${consumerRef.kind}/${consumerRef.name}`;

function summaryOf(state: string, operationalStatus: string, deleting: boolean): string {
  const now = state === "" ? "Metal3 has not looked at the host yet" : `the host is ${state}`;
  const delayed =
    operationalStatus === "delayed" ? "; it waits for a free slot in Metal3's queue" : "";
  return `${now}${delayed}${deleting ? "; it is being deleted" : ""}`;
}

/** The number of tries makes each new failure another complaint: Metal3 shows one for a minute or two and starts over. */
function problemsOf({ metadata, status }: BareMetalHost): readonly Problem[] {
  const source = `BareMetalHost/${metadata.name}`;
  const { errorType = "", errorMessage = "", errorCount = 0 } = status ?? {};
  const failed =
    errorType === ""
      ? []
      : [
          {
            source,
            reason: errorType,
            message: `${oneLine(errorMessage)} (failure ${errorCount})`,
          },
        ];
  const detached =
    metadata.annotations[detachedAnnotation] === undefined
      ? []
      : [
          {
            source,
            reason: "detached",
            message: `the annotation ${detachedAnnotation} keeps Metal3 from managing the host`,
          },
        ];
  return [...failed, ...detached];
}
