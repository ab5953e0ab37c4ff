import type { KindName, KubeObject, ObjectKey } from "#lab/kubernetes/object.ts";
import type { HardwareDetails } from "./machines.ts";

export const hostKind: KindName = "BareMetalHost.metal3.io";
export const hardwareKind: KindName = "HardwareData.metal3.io";
export const hostFinalizer = "baremetalhost.metal3.io";

/** The part of `spec` that the operator reads. The API server has checked it against the CRD. */
export interface HostSpec {
  readonly architecture?: string;
  readonly automatedCleaningMode?: "metadata" | "disabled";
  readonly bmc?: {
    readonly address: string;
    readonly credentialsName: string;
    readonly disableCertificateVerification?: boolean;
  };
  readonly bootMACAddress?: string;
  readonly bootMode?: BootMode;
  readonly customDeploy?: CustomDeploy;
  readonly disablePowerOff?: boolean;
  readonly externallyProvisioned?: boolean;
  readonly firmware?: object;
  readonly hardwareProfile?: string;
  readonly image?: Image;
  readonly inspectionMode?: "disabled" | "agent";
  readonly online: boolean;
  readonly raid?: Raid;
  readonly rootDeviceHints?: RootDeviceHints;
  readonly userData?: SecretReference;
  readonly networkData?: SecretReference;
  readonly metaData?: SecretReference;
}

type BootMode = "UEFI" | "UEFISecureBoot" | "legacy";

export interface Image {
  readonly url: string;
  readonly checksum?: string;
  readonly checksumType?: string;
  readonly format?: string;
}

interface CustomDeploy {
  readonly method: string;
}

interface Raid {
  readonly hardwareRAIDVolumes?: readonly object[] | null;
  readonly softwareRAIDVolumes?: readonly object[] | null;
}

interface RootDeviceHints {
  readonly deviceName?: string;
  readonly [hint: string]: unknown;
}

interface SecretReference {
  readonly name?: string;
  readonly namespace?: string;
}

/** Values of `status.provisioning.state`. */
export type State =
  | ""
  | "unmanaged"
  | "registering"
  | "inspecting"
  | "preparing"
  | "available"
  | "provisioning"
  | "provisioned"
  | "externally provisioned"
  | "deprovisioning"
  | "powering off before delete"
  | "deleting";

export type ErrorType =
  | "registration error"
  | "inspection error"
  | "preparation error"
  | "provisioning error"
  | "power management error";

/** `status` as a draft that one turn of the operator works on. */
export interface HostStatus {
  conditions?: Condition[];
  errorCount: number;
  errorMessage: string;
  errorType?: ErrorType;
  goodCredentials: CredentialsStatus;
  hardware?: HardwareDetails;
  hardwareProfile?: string;
  lastUpdated?: string;
  operationHistory: Record<Operation, OperationMetric>;
  operationalStatus: "" | "OK" | "discovered" | "error" | "delayed" | "detached";
  poweredOn: boolean;
  provisioning: {
    ID: string;
    bootMode?: BootMode;
    customDeploy?: CustomDeploy;
    firmware?: object;
    /** Always there, as a Go struct is: an empty `url` says that nothing is provisioned. */
    image: Image;
    raid?: Raid;
    rootDeviceHints?: RootDeviceHints;
    state: State;
  };
  triedCredentials: CredentialsStatus;
}

export type Operation = "register" | "inspect" | "provision" | "deprovision";

interface OperationMetric {
  start: string | null;
  end: string | null;
}

export interface CredentialsStatus {
  readonly credentials?: { readonly name: string; readonly namespace: string };
  readonly credentialsVersion?: string;
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** A host without a spec is a discovered one, and off. */
export function specOf(host: KubeObject): HostSpec {
  return (host["spec"] ?? { online: false }) as HostSpec;
}

/** The host's status as a copy that may be changed; that of a host which nobody has looked at yet when there is none. */
export function draftStatus(host: KubeObject): HostStatus {
  const known = host["status"] as HostStatus | undefined;
  return structuredClone({ ...blank(), ...known });
}

function blank(): HostStatus {
  const never = { start: null, end: null };
  return {
    errorCount: 0,
    errorMessage: "",
    goodCredentials: {},
    operationHistory: { register: never, inspect: never, provision: never, deprovision: never },
    operationalStatus: "",
    poweredOn: false,
    provisioning: { ID: "", image: { url: "" }, state: "" },
    triedCredentials: {},
  };
}

/** The state, "" for a host without a status. */
export function stateOf(host: KubeObject): State {
  const status = host["status"] as Partial<HostStatus> | undefined;
  return status?.provisioning?.state ?? "";
}

export function keyOf(host: KubeObject): ObjectKey {
  return { kind: hostKind, namespace: host.metadata.namespace ?? "", name: host.metadata.name };
}

export function isInspectionDisabled(host: KubeObject): boolean {
  return (
    specOf(host).inspectionMode === "disabled" ||
    host.metadata.annotations?.["inspect.metal3.io"] === "disabled"
  );
}
