import type { RunId, SecretId, ServerId } from "#contract/ids.ts";
import type { Inventory, PowerState } from "#contract/inventory.ts";

/**
 * What Millwright asks of the world. Verbs never wait for the world to change: they start a change or read
 * what is, and return within the time of a few calls; the waiting belongs to the engine. Each verb says what
 * a second call does, because any of them may be repeated after a crash. All throw `Failure` with a `BMC_*`
 * code and nothing else; all stop early when `signal` aborts.
 */

export interface ReadOptions {
  readonly signal: AbortSignal;
}

export interface WriteOptions extends ReadOptions {
  /**
   * Cuts off a write that is under way; `signal` then only keeps the next one from being begun. Without it `signal` does both. For
   * systems where an unanswered write may still arrive.
   */
  readonly life?: AbortSignal;
  /** `<run>/<step>`: the same across retries, crashes and undo; sent to the BMC as `Idempotency-Key`. */
  readonly key: string;
}

/** Where a BMC is and how to be let in: plain data that may be journalled. */
export interface BmcRef {
  /** An origin, `https://10.0.0.5` or `https://bmc-7.example:8443`. */
  readonly address: string;
  readonly credentials: SecretId;
  /**
   * `pin`: only the certificate with this SHA-256 fingerprint; without one, whatever is shown first is
   * accepted and reported by `connect`. `ca`: the system's certificate authorities. `insecure`: any.
   */
  readonly tls: { readonly mode: "pin" | "ca" | "insecure"; readonly fingerprint256?: string };
}

export interface Connected {
  /** SHA-256 of the certificate shown, upper-case hex pairs with colons, as Node prints it. */
  readonly fingerprint256: string;
  readonly redfishVersion: string;
  readonly vendor: string | null;
  readonly auth: "session" | "basic";
}

export interface Identity {
  /** Redfish path of the ComputerSystem, which Metal3's addresses name. */
  readonly systemPath: string;
  readonly uuid: string | null;
  readonly serial: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly bmc: {
    readonly vendor: string | null;
    readonly model: string | null;
    readonly firmwareVersion: string | null;
  };
}

export interface BootOverride {
  readonly enabled: "once" | "continuous" | "disabled";
  /** Redfish's BootSourceOverrideTarget as read (`None`, `Cd`, `UsbCd`, `Hdd`, `Pxe` …). */
  readonly target: string;
  readonly mode: string | null;
}

export interface SystemState {
  /** A machine between two states is still in the one that it leaves. */
  readonly power: PowerState;
  /** True while the machine is between power states (PoweringOn, PoweringOff). */
  readonly changing: boolean;
  /** Redfish's BootProgress.LastState, null where the machine does not report it. */
  readonly bootProgress: string | null;
  /** Time of the last reset as the BMC gives it, null where it does not. */
  readonly lastResetAt: string | null;
  readonly boot: BootOverride | null;
  readonly indicator: "on" | "off" | "unknown";
}

/**
 * `on`, `off` (asks the operating system), `force-off` (cuts power), `restart` is left out on purpose: a
 * restart cannot be told from none after a crash, so workflows go off and on, both of which can be seen.
 */
export type PowerIntent = "on" | "off" | "force-off";

/** A virtual media slot as it is now. */
export interface MediaSlot {
  /** The slot's Redfish path, to name it in later calls. */
  readonly slot: string;
  readonly types: readonly string[];
  readonly image: string | null;
  readonly inserted: boolean;
  /** Which of the URLs that were asked about its image is; BMCs write one URL in several ways. Null: none of them. */
  readonly holds: string | null;
}

export type MediaKind = "cd" | "config-drive";

/** How a drive could be erased: by itself, with the whole machine, or not at all. */
export interface EraseOffer {
  readonly driveId: string;
  readonly serial: string | null;
  readonly way: "drive" | "system" | "none";
}

export interface EraseTarget {
  readonly serial: string | null;
  readonly driveId: string;
  /** Sanitization method asked for, or `system` when the whole machine is erased by one call. */
  readonly method: string;
  /** Where the erase can be followed: a task monitor or task path, null when only the drive tells. */
  readonly task: string | null;
}

export interface EraseProgress {
  readonly driveId: string;
  readonly serial: string | null;
  readonly state: "running" | "done" | "failed" | "unknown";
  readonly percent: number | null;
  /** What was seen of it, in the BMC's words where it has any; of a done erase always something: it is the proof. */
  readonly message: string | null;
}

export interface BmcPort {
  /**
   * Reaches the service, reads its certificate, checks the credentials with an authenticated read. Changes
   * nothing; a second call does the same. Throws BMC_CONNECTION_FAILED, BMC_AUTH_FAILED,
   * BMC_CERTIFICATE_CHANGED, BMC_INVALID_RESPONSE.
   */
  connect(bmc: BmcRef, options: ReadOptions): Promise<Connected>;
  /** Who the machine is. Read-only. */
  identify(bmc: BmcRef, options: ReadOptions): Promise<Identity>;
  /** Everything that inspection records; one unreadable part is noted in `notSeen` and ends nothing. Read-only. */
  readInventory(bmc: BmcRef, options: ReadOptions): Promise<Inventory>;
  /** Power, boot and indicator state now. Read-only. */
  readState(bmc: BmcRef, options: ReadOptions): Promise<SystemState>;
  /**
   * Asks for a power state by intent, choosing among the values that the machine allows. Returns `already`
   * when the machine is there (nothing is sent), `asked` when the request was taken; reaching the state is
   * seen by `readState`. Repeating it is safe: it reads first, and sends nothing to a machine on its way there
   * (but a `force-off`). Never turns `off` into `force-off`: throws BMC_UNSUPPORTED instead.
   */
  setPower(bmc: BmcRef, intent: PowerIntent, options: WriteOptions): Promise<"already" | "asked">;
  /** Restarts the BMC itself (Manager.Reset). Its sessions and tasks are lost. A second call restarts it again. */
  resetBmc(bmc: BmcRef, options: WriteOptions): Promise<void>;
  /** Sets the identify light. `already` when it is so. Repeating is safe. */
  setIndicator(bmc: BmcRef, on: boolean, options: WriteOptions): Promise<"already" | "asked">;
  /** The virtual media slots that can take an image, and which of `urls` each holds. Read-only. */
  readMedia(
    bmc: BmcRef,
    urls: readonly string[],
    options: ReadOptions,
  ): Promise<readonly MediaSlot[]>;
  /**
   * Puts `url` into a slot: a CD slot for `cd`, another usable slot for `config-drive`. Ejects what else is in
   * that slot. Returns `already` when a slot holds that URL. `asked` means taken; `readMedia` tells when it
   * is in. Throws BMC_UNSUPPORTED when no slot fits.
   */
  insertMedia(
    bmc: BmcRef,
    media: { readonly url: string; readonly kind: MediaKind },
    options: WriteOptions,
  ): Promise<"already" | "asked">;
  /** Ejects `url` wherever it is inserted, and nothing else. `already` when no slot holds it. Repeating is safe. */
  ejectMedia(bmc: BmcRef, url: string, options: WriteOptions): Promise<"already" | "asked">;
  /** Boots from virtual CD at the next boot only. Reads back; throws BMC_REJECTED when the BMC ignored it. Repeating is safe. */
  setBootOnceCd(bmc: BmcRef, options: WriteOptions): Promise<"already" | "asked">;
  /** Takes back a one-time boot override. `already` when there is none. */
  clearBootOverride(bmc: BmcRef, options: WriteOptions): Promise<"already" | "asked">;
  /**
   * Which drives there are and how `startErase` would erase each; it refuses when one is `none`. Read-only. Throws
   * BMC_UNSUPPORTED with `details.reason` `drives-not-seen` when some drive may not be seen, as on many machines that
   * are off, and `no-drives` when a machine that is on shows none, as many do early in their self-test: then nothing is
   * known, for or against. What it does show may lack drives for the same reasons; never empty.
   */
  eraseOffer(bmc: BmcRef, options: ReadOptions): Promise<readonly EraseOffer[]>;
  /**
   * Starts erasing every drive that offers it (or the whole system by the vendor's action). A drive that is
   * being erased already is reported, not started again. One whose erase has ended is erased again, unless the BMC's
   * tasks tell that it was begun in the last `withinMs` (real ms): not every BMC's tasks say what they were for. Throws
   * BMC_UNSUPPORTED with `details.reason`: `no-erase` (naming the drives) when some drive offers no way,
   * `drives-not-seen` and `no-drives` as `eraseOffer`. Never without a target: that nothing was to be erased is for
   * the caller to prove.
   */
  startErase(
    bmc: BmcRef,
    since: { readonly withinMs: number },
    options: WriteOptions,
  ): Promise<readonly EraseTarget[]>;
  /** How far an erase is. A vanished task is `unknown`, never `done`. Read-only. */
  readErase(
    bmc: BmcRef,
    targets: readonly EraseTarget[],
    options: ReadOptions,
  ): Promise<readonly EraseProgress[]>;
  /** Ends the session with this BMC, if we hold one. Repeating is safe. */
  disconnect(bmc: BmcRef): Promise<void>;
}

export interface SecretsPort {
  /** Makes a secret that so far belongs to a run belong to `owner` (a resource) as well, and live as long as that claim. Repeating is safe. */
  adopt(secret: SecretId, owner: string): Promise<void>;
  /** Takes `owner`'s claim back; the secret lives on until its run can no longer be retried. Repeating is safe. */
  release(secret: SecretId, owner: string): Promise<void>;
  /**
   * Keeps a text that the step itself has made (a kubeconfig) for `owner`, under a name. A second call with the same
   * owner and name replaces the text and returns the same id. It is destroyed with its owner's end.
   */
  keep(place: { readonly owner: string; readonly name: string }, text: string): Promise<SecretId>;
  /** Destroys the secret now. A missing one is a success. */
  forget(secret: SecretId): Promise<void>;
}

export interface ImageFacts {
  readonly url: string;
  readonly sizeBytes: number | null;
  readonly acceptsRanges: boolean;
}

export const checksumTypes = ["md5", "sha256", "sha512"] as const;
export type ChecksumType = (typeof checksumTypes)[number];

export interface ImagesPort {
  /** Checks with HEAD (and a ranged GET where HEAD is refused) that a BMC could read the image. Throws IMAGE_UNREACHABLE, IMAGE_INVALID. */
  probe(url: string, options: ReadOptions): Promise<ImageFacts>;
  /**
   * Reads the whole image once and returns its checksum, lower-case hexadecimal. Takes as long as the image is big; a
   * stream that goes silent is given up. A second call reads it again. Throws IMAGE_UNREACHABLE, IMAGE_INVALID.
   */
  digest(url: string, type: ChecksumType, options: ReadOptions): Promise<string>;
}

export interface ConfigDrivePort {
  /**
   * The URL under which this control plane serves the NoCloud config drive of a run (an ISO 9660 volume
   * `cidata` with the run's user data, network data and call-back address). It is a function of the run and
   * the secret key, so a second call gives the same URL.
   */
  url(run: RunId): string;
}

/** What tells one machine from all others. Fields that the machine leaves out, or fills with a placeholder, are null. */
export interface MachineIdentity {
  /** Lower case. */
  readonly uuid: string | null;
  readonly serial: string | null;
  /** A serial number is unique within its manufacturer only. */
  readonly manufacturer: string | null;
  /** An origin, as in `BmcRef`. */
  readonly bmcAddress: string;
}

export interface KnownServer {
  readonly id: ServerId;
  /** Its registration is still under way and may come to nothing. */
  readonly registering: boolean;
}

export interface DirectoryPort {
  /**
   * A server that is this machine: the same UUID, the same serial number of the same manufacturer, or the same BMC
   * address. Looks at every project's servers but those that are decommissioned and `except`; when there are
   * several, one that is registered before one that is being registered, and the oldest; null when there is none.
   * Reads what is committed; changes nothing.
   */
  findServer(
    identity: MachineIdentity & { readonly except: ServerId },
    options: ReadOptions,
  ): Promise<KnownServer | null>;
}

/** Everything a workflow's step may ask of the world. */
export interface Ports {
  readonly bmc: BmcPort;
  readonly secrets: SecretsPort;
  readonly images: ImagesPort;
  readonly configDrive: ConfigDrivePort;
  readonly directory: DirectoryPort;
}
