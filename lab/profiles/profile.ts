import type { Call } from "#lab/bmc/call.ts";
import type { Body, Message } from "#lab/bmc/answer.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { BiosValue, BootOverride } from "#lab/world/machine.ts";
import type { ResetType } from "#lab/world/reset.ts";
import type { Hardware } from "./hardware.ts";
import type { Seed } from "./seed.ts";

/**
 * One kind of BMC: which ids, links, values and manners it has. The differences are facts of the vendors (recorded
 * trees, guides, issue threads); what several vendors share is code in the BMC's resources, asked by these switches.
 */
export interface Profile {
  /** Short, for names such as `lab-01-idrac9`. */
  readonly id: string;
  readonly vendor: string;
  readonly model: string;
  /** The one account that a delivered machine has. */
  readonly account: {
    readonly id: string;
    readonly username: string;
    readonly password: string;
    readonly role: string;
  };
  readonly ids: { readonly system: string; readonly manager: string; readonly chassis: string };
  readonly versions: ResourceVersions;
  readonly wire: Wire;
  readonly sessions: SessionRules;
  readonly power: PowerRules;
  readonly boot: BootRules;
  readonly media: MediaRules;
  readonly erase: EraseRules;
  readonly tasks: TaskRules;
  readonly bios: {
    readonly path: string;
    readonly settings: string;
    readonly attributes: Readonly<Record<string, BiosValue>>;
  };
  readonly layout: Layout;
  readonly hardware: (seed: Seed) => Hardware;
  /** Properties beside or instead of the common ones. A property set to undefined is left out. */
  readonly own: OwnProperties;
  /** Resources that only this vendor has. */
  readonly routes: Routes;
}

/** `@odata.type` without `#`, by resource: `ComputerSystem.v1_16_0`. */
interface ResourceVersions {
  readonly root: string;
  readonly system: string;
  readonly manager: string;
  readonly chassis: string;
  readonly processor: string;
  readonly memory: string;
  readonly storage: string;
  readonly drive: string;
  readonly ethernet: string;
  readonly media: string;
  readonly task: string;
}

/** How requests and answers look on the wire. */
interface Wire {
  /** Sends `@odata.context`. */
  readonly hasContext: boolean;
  readonly ignoresCase: boolean;
  /** True: every URI ends with a slash, and one without is redirected with 308. */
  readonly endsWithSlash: boolean;
  /** Redirects `//` in a path with 308 to the clean path, as iLO does. */
  readonly redirectsDoubleSlash: boolean;
  readonly etag: {
    readonly kind: "none" | "weak" | "strong";
    readonly inBody: boolean;
    /** A write without If-Match is answered 428. */
    readonly isRequired: boolean;
  };
  /** 0: `$expand` is not supported. */
  readonly expandLevels: number;
  /** Which of `.`, `*` and `~` may be asked for. */
  readonly expandForms: readonly string[];
  /** Members per page of a collection, null when everything comes at once. */
  readonly pageSize: number | null;
  /** Sends WWW-Authenticate with a 401. iLO calls its Basic "Unadvertised". */
  readonly challengesBasic: boolean;
  /** Prefix of the message registry, `Base.1.13`. */
  readonly registry: string;
  /** iLO sends only MessageId and MessageArgs, without the sentence. */
  readonly messagesHaveText: boolean;
  /** Answer to an action without a body. Null: it is taken as `{}`. */
  readonly onMissingBody: { readonly status: number } | null;
  /** Body of a 400 for a request that is no JSON. */
  readonly onMalformedBody: "message" | "plain-text";
  /** Sent as `Server`, undefined when nothing is. */
  readonly server: string | undefined;
}

interface SessionRules {
  readonly limit: number;
  /** SessionTimeout of the payload, and really the idle time in seconds. */
  readonly timeoutS: number;
  readonly onLimit: Message;
  readonly lockout: { readonly threshold: number; readonly seconds: number } | null;
}

interface PowerRules {
  readonly resetTypes: readonly ResetType[];
  /** Where the values are listed. */
  readonly listed: "inline" | "action-info" | "both";
  /** A command for the state that is there already. Null: answered like a success. */
  readonly onAlreadyThere: { readonly on: Message; readonly off: Message } | null;
  /** A restart of a machine that is off. Null: it is powered on instead. */
  readonly onPowerOff: Message;
  readonly successStatus: 200 | 204;
  /** ResetType of Manager.Reset. */
  readonly managerReset: readonly string[];
}

export type BootProperty =
  | "BootSourceOverrideTarget"
  | "BootSourceOverrideEnabled"
  | "BootSourceOverrideMode"
  | "BootOrder";

export interface BootRules {
  readonly targets: readonly string[];
  /** Targets by which a virtual CD starts. */
  readonly mediaTargets: readonly string[];
  /** Listed as AllowableValues, null when the values are not listed. */
  readonly enabledValues: readonly BootOverride["enabled"][] | null;
  readonly hasContinuous: boolean;
  /** Null: the machine has no BootSourceOverrideMode. */
  readonly mode: "UEFI" | null;
  /** Has BootProgress. */
  readonly hasProgress: boolean;
  /** The settings object: the end of its path, and which Boot properties it has. */
  readonly settings: {
    readonly suffix: string;
    readonly properties: readonly BootProperty[];
  } | null;
  /** Boot properties can be written only in the settings object, which alone lists the values. */
  readonly settingsOnly: boolean;
  /** What a PATCH does not send falls back: Enabled to Once, Mode to UEFI (Supermicro). */
  readonly resetsUnsent: boolean;
  /** Target, Enabled and Mode must come together (AMI). */
  readonly needsAll: boolean;
  /** Answer to a PATCH during the power-on self-test, null when it is taken. */
  readonly duringPost: Message | null;
  /** Refuses Once or Continuous with the target None (iLO). */
  readonly refusesEnabledNone: boolean;
  readonly order: readonly string[];
}

export interface MediaSlot {
  readonly id: string;
  readonly types: readonly string[];
  /** False for a slot that is listed but takes no URL. */
  readonly isUsable: boolean;
}

interface MediaRules {
  readonly by: "action" | "patch";
  readonly slots: readonly MediaSlot[];
  /** Collections that show the slots: each with the slots' ids there, by the id of the slot itself. */
  readonly homes: readonly {
    readonly owner: "system" | "manager";
    readonly names: Readonly<Record<string, string>>;
  }[];
  /** `Image` of an empty slot; undefined when the property is then missing. */
  readonly emptyImage: null | "" | undefined;
  readonly hasActionInfo: boolean;
  /** EjectMedia is listed only while something is inserted. */
  readonly listsEjectWhenInserted: boolean;
  readonly onEjectEmpty: Message | null;
  readonly onInsertOccupied: Message;
  readonly successStatus: 200 | 204;
  readonly protocols: readonly string[];
}

interface EraseRules {
  /** `Drive.SecureErase`, null where drives do not offer it. */
  readonly drive: {
    /** SanitizationType values of the ActionInfo, null when there is no ActionInfo. */
    readonly methods: readonly string[] | null;
    /** Listed as OperationApplyTimeSupport, null when it is not. */
    readonly applyTimes: readonly ("Immediate" | "OnReset")[] | null;
    readonly defaultMethod: string;
  } | null;
}

interface TaskRules {
  /** What Location of a 202 points at. */
  readonly location: "monitor" | "task";
  readonly id: (job: number) => string;
  /** How a failed erasure ends: as Completed with TaskStatus Critical, or as Exception. */
  readonly failure: "completed-critical" | "exception";
  /** A task tells which request began it (bmcweb does). */
  readonly hasPayload?: true;
}

/** Where things are shown. */
interface Layout {
  readonly gpus: "processors" | "pcie-devices" | "baseboard";
  readonly environment: "old" | "new" | "both";
  readonly hasEthernetInterfaces: boolean;
  readonly hasNetworkInterfaces: boolean;
  /** How a DIMM slot without a module looks: not at all, or Absent with this capacity. */
  readonly emptyDimm: "left-out" | "zero" | "null";
  readonly log: { readonly owner: "system" | "manager"; readonly id: string };
  /** Reading storage needs a powered machine; otherwise this is the answer. */
  readonly storageNeedsPower: Message | null;
  /** Chassis beside the main one and the drives' enclosures. */
  readonly moreChassis: readonly {
    readonly id: string;
    readonly type: string;
    readonly model: string;
  }[];
  /** Number of sensors beside fans, temperatures and power supplies, so that collections have a real length. */
  readonly moreSensors: number;
}

type Own = (call: Call) => Body;

export interface OwnProperties {
  readonly root?: Own;
  readonly system?: Own;
  readonly manager?: Own;
  readonly chassis?: Own;
  readonly accountService?: Own;
  readonly updateService?: Own;
  readonly taskService?: Own;
}
