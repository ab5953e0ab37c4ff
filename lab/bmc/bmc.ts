import type { Profile } from "#lab/profiles/profile.ts";
import type { Certificate } from "#lab/world/journal.ts";
import { traitsOf } from "#lab/world/traits.ts";
import type { Traits } from "#lab/world/traits.ts";
import type { World } from "#lab/world/world.ts";
import { base, refuse } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { fingerprintOf } from "./certificate.ts";
import type { Fault, Faults } from "./fault.ts";
import { Listener } from "./listener.ts";
import type { Disturbance } from "./listener.ts";
import { serve } from "./service.ts";
import type { Request } from "./service.ts";
import { Sessions } from "./sessions.ts";

export interface BmcPorts {
  readonly world: World;
  readonly faults: Faults;
  readonly clock: () => number;
  readonly newToken: () => string;
}

/** One BMC: its name, its port, its certificate, its sessions, and what is wrong with it by name. */
export class Bmc {
  readonly name: string;
  readonly profile: Profile;
  readonly sessions: Sessions;
  readonly traits: Traits;
  readonly #ports: BmcPorts;
  readonly #listener: Listener;
  #fingerprint256: string;
  #port = 0;
  #requestCount = 0;

  constructor(name: string, profile: Profile, certificate: Certificate, ports: BmcPorts) {
    this.name = name;
    this.profile = profile;
    this.traits = traitsOf(name);
    this.#ports = ports;
    this.#fingerprint256 = fingerprintOf(certificate);
    this.sessions = new Sessions(profile.sessions, ports);
    this.#listener = new Listener(certificate, {
      serve: (request) => this.#serve(request),
      disturb: (request) => this.#disturb(request),
      isDown: () => this.isRestarting(),
    });
  }

  get port(): number {
    return this.#port;
  }

  get fingerprint256(): string {
    return this.#fingerprint256;
  }

  /** Takes the port, or any when it is 0. A dead BMC gives it up at once: its address is listed, nobody is there. */
  async listen(host: string, port: number): Promise<void> {
    this.#port = await this.#listener.listen(host, port);
    if (this.traits.isDead) await this.#listener.close();
  }

  isRestarting(): boolean {
    return this.#ports.world.machine(this.name).bmc.restartingUntil !== null;
  }

  /** The BMC restarts; the host does not notice. False when it is restarting already. */
  restart(key?: string): boolean {
    const outcome = this.#ports.world.command(this.name, { do: "restart-bmc" }, key);
    this.sessions.forgetAll();
    return outcome.kind === "changed";
  }

  replaceCertificate(certificate: Certificate): void {
    this.#listener.replaceCertificate(certificate);
    this.#fingerprint256 = fingerprintOf(certificate);
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  async #serve(request: Request): Promise<Answer> {
    const { name, profile, traits, sessions } = this;
    const { world, clock } = this.#ports;
    let answer: Answer;
    try {
      answer = await serve({ name, profile, traits, sessions, world, clock }, request);
    } catch (error) {
      // A mistake of the lab's own must not look like a vendor's, and not end the other BMCs.
      const text = `The lab failed: ${error instanceof Error ? error.stack : String(error)}`;
      answer = { status: 500, contentType: "text/plain", body: text };
    }
    // The request may have been the one that restarts the BMC.
    if (this.isRestarting()) this.sessions.forgetAll();
    return answer;
  }

  #disturb(request: Request): Disturbance | undefined {
    const { method, url: path } = request;
    const asked = this.#ports.faults.take(this.name, { method, path });
    if (asked !== undefined) return this.#disturbance(asked);
    this.#requestCount += 1;
    if (this.traits.isFlaky && this.#requestCount % 3 === 0) {
      return this.#disturbance(this.#requestCount % 2 === 0 ? { status: 503 } : { cut: "before" });
    }
    // Between two and five seconds, different from one request to the next.
    if (this.traits.isSlow) return { delayMs: 2000 + ((this.#requestCount * 1300) % 3000) };
    return undefined;
  }

  #disturbance(fault: Omit<Fault, "id">): Disturbance {
    return {
      ...(fault.delayMs === undefined ? {} : { delayMs: fault.delayMs }),
      ...(fault.cut === undefined ? {} : { cut: fault.cut }),
      ...(fault.status === undefined ? {} : { answer: this.#failure(fault.status) }),
    };
  }

  #failure(status: number): Answer {
    if (status === 503) return refuse(this.profile, base.unavailable(1));
    return refuse(this.profile, {
      status,
      id: "GeneralError",
      text: "The lab was asked to fail here.",
    });
  }
}
