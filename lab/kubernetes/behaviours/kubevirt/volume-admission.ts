import { isDeepStrictEqual } from "node:util";
import type { Admission, AdmissionWrite } from "#lab/kubernetes/behaviours/behaviour.ts";
import type { VolumeSpec } from "./data-volume.ts";

/** The rules of CDI's webhook for DataVolumes. */
export function admitVolume({ operation, object, old }: AdmissionWrite): Admission {
  if (object.kind !== "DataVolume" || operation === "delete") return { kind: "allowed", object };
  if (old !== null) {
    return isDeepStrictEqual(object["spec"], old["spec"])
      ? { kind: "allowed", object }
      : refuse("Cannot update DataVolume Spec", "spec");
  }
  return wrong(object["spec"] as VolumeSpec) ?? { kind: "allowed", object };
}

function wrong({ source, sourceRef, pvc, storage }: VolumeSpec): Admission | null {
  if (source !== undefined && sourceRef !== undefined) {
    return refuse(
      "Data volume should have either Source or SourceRef, or be externally populated",
      "spec",
    );
  }
  if (source !== undefined) {
    const kinds = Object.keys(source);
    if (kinds.length === 0) return refuse("Missing dataVolume valid source", "spec.source");
    if (kinds.length > 1) return refuse("Multiple dataVolume sources", "spec.source");
    const [kind = ""] = kinds;
    const url = source[kind]?.["url"];
    if (["http", "s3", "gcs"].includes(kind) && (typeof url !== "string" || !URL.canParse(url))) {
      return refuse(
        `spec.source Invalid source URL: ${String(url ?? "")}`,
        `spec.source.${kind}.url`,
      );
    }
  }
  if (pvc !== undefined && storage !== undefined) {
    return refuse(
      "Duplicate storage definition, both target storage and target pvc defined",
      "spec",
    );
  }
  if (pvc === undefined && storage === undefined) return refuse("Missing volume storage", "spec");
  const isClone = source?.["pvc"] !== undefined || source?.["snapshot"] !== undefined;
  if (pvc !== undefined && !isClone && pvc.resources?.requests?.storage === undefined) {
    return refuse("PVC size is missing", "spec.pvc.resources.requests.storage");
  }
  return null;
}

function refuse(message: string, field: string): Admission {
  return { kind: "refused", reason: "Invalid", message, field };
}
