import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { credentials } from "./test-driver.ts";

/** A request as the BMC got it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a string as it is. */
  readonly body?: unknown;
  /** Break the connection: before any byte of the answer, or in the middle of its body. */
  readonly cut?: "before" | "middle";
  /** Never answer. */
  readonly silent?: boolean;
}

type Script = (asked: Asked, times: number) => Answer | undefined;
type Resource = Record<string, unknown>;

export interface ScriptedBmc {
  readonly address: string;
  readonly certificate: Certificate;
  /** Everything that was asked, in order. */
  readonly asked: Asked[];
  /** `METHOD path` of what was asked, sessions and the service root left out. */
  calls(): string[];
  /** The resources it serves; a test changes them as it likes. */
  readonly resources: Record<string, Resource>;
  /** Sessions that are open, by their paths. */
  readonly sessions: Map<string, string>;
  /** Answers first; undefined leaves it to the default. `times` counts this method and path from 1. */
  script: Script;
  /** Shows another certificate to whoever connects from now on. */
  changeCertificate(certificate: Certificate): void;
  close(): Promise<void>;
}

const system = "/redfish/v1/Systems/1";
const manager = "/redfish/v1/Managers/1";

export const paths = {
  root: "/redfish/v1/",
  system,
  manager,
  reset: `${system}/Actions/ComputerSystem.Reset`,
  sessions: "/redfish/v1/SessionService/Sessions",
  slot: `${manager}/VirtualMedia/Cd`,
  insert: `${manager}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia`,
  eject: `${manager}/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia`,
  taskService: "/redfish/v1/TaskService",
  tasks: "/redfish/v1/TaskService/Tasks",
} as const;

const link = (path: string): Resource => ({ "@odata.id": path });

const collection = (members: readonly string[]): Resource => ({ Members: members.map(link) });

/** A machine with nothing odd about it. */
const plainMachine = (): Record<string, Resource> => ({
  "/redfish/v1": {
    RedfishVersion: "1.15.0",
    Systems: link("/redfish/v1/Systems"),
    Managers: link("/redfish/v1/Managers"),
    Chassis: link("/redfish/v1/Chassis"),
    Tasks: link("/redfish/v1/TaskService"),
    SessionService: link("/redfish/v1/SessionService"),
    Links: { Sessions: link(paths.sessions) },
  },
  "/redfish/v1/Systems": collection([system]),
  "/redfish/v1/Managers": collection([manager]),
  "/redfish/v1/Chassis": collection([]),
  [paths.taskService]: { Tasks: link(paths.tasks) },
  [paths.tasks]: collection([]),
  [system]: {
    "@odata.id": system,
    PowerState: "Off",
    SerialNumber: "S1",
    Manufacturer: "Example",
    Model: "Plain",
    LocationIndicatorActive: false,
    Boot: {
      BootSourceOverrideEnabled: "Disabled",
      BootSourceOverrideTarget: "None",
      BootSourceOverrideMode: "UEFI",
      "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Cd", "Hdd"],
    },
    Actions: {
      "#ComputerSystem.Reset": {
        target: paths.reset,
        "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown"],
      },
    },
    Links: { ManagedBy: [link(manager)] },
    Storage: link(`${system}/Storage`),
  },
  [`${system}/Storage`]: collection([]),
  [manager]: {
    "@odata.id": manager,
    Actions: { "#Manager.Reset": { target: `${manager}/Actions/Manager.Reset` } },
    VirtualMedia: link(`${manager}/VirtualMedia`),
  },
  [`${manager}/VirtualMedia`]: collection([paths.slot]),
  [paths.slot]: {
    "@odata.id": paths.slot,
    MediaTypes: ["CD", "DVD"],
    Image: null,
    Inserted: false,
    ConnectedVia: "NotConnected",
    Actions: {
      "#VirtualMedia.InsertMedia": { target: paths.insert },
      "#VirtualMedia.EjectMedia": { target: paths.eject },
    },
  },
});

const withoutSlash = (path: string): string => (path.length > 1 ? path.replace(/\/+$/, "") : path);

const merge = (resource: Resource, patch: Resource): void => {
  for (const [name, value] of Object.entries(patch)) {
    const old = resource[name];
    if (isObject(value) && isObject(old)) merge(old, value);
    else resource[name] = value;
  }
};

const isObject = (value: unknown): value is Resource =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a well-behaved service does with a request that no script answered. */
const createDefaults = (
  resources: Record<string, Resource>,
  sessions: Map<string, string>,
): ((asked: Asked) => Answer) => {
  let opened = 0;
  const actions: Record<string, (body: Resource) => void> = {
    [paths.reset]: ({ ResetType }) => {
      const state = ResetType === "On" ? "On" : "Off";
      resources[system] = { ...resources[system], PowerState: state };
    },
    [paths.insert]: ({ Image }) => {
      merge(resources[paths.slot] ?? {}, { Image, Inserted: true, ConnectedVia: "URI" });
    },
    [paths.eject]: () => {
      merge(resources[paths.slot] ?? {}, {
        Image: null,
        Inserted: false,
        ConnectedVia: "NotConnected",
      });
    },
    [`${manager}/Actions/Manager.Reset`]: () => undefined,
  };
  const login = (body: Resource): Answer => {
    const known = body["UserName"] === credentials.username;
    if (!known || body["Password"] !== credentials.password) return { status: 401 };
    opened += 1;
    const path = `${paths.sessions}/${opened}`;
    sessions.set(path, `token-${opened}`);
    return { status: 201, headers: { Location: path, "X-Auth-Token": `token-${opened}` } };
  };
  const basic = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
  const isKnown = ({ headers }: Asked): boolean =>
    headers["authorization"] === basic ||
    [...sessions.values()].includes(String(headers["x-auth-token"]));
  return (asked) => {
    const { method } = asked;
    const path = withoutSlash(asked.path);
    const body = isObject(asked.body) ? asked.body : {};
    if (method === "POST" && path === paths.sessions) return login(body);
    if (path !== "/redfish/v1" && !isKnown(asked)) return { status: 401 };
    if (method === "DELETE") return { status: sessions.delete(path) ? 204 : 404 };
    if (method === "POST") {
      const act = actions[path];
      act?.(body);
      return { status: act === undefined ? 404 : 204 };
    }
    const resource = resources[path];
    if (resource === undefined) return { status: 404 };
    if (method === "PATCH") merge(resource, body);
    return { body: resource };
  };
};

/** A small Redfish service on 127.0.0.1 that does what a test's script says, and else what it should. */
export const startScriptedBmc = async (
  given: { readonly certificate?: Certificate; readonly host?: string } = {},
): Promise<ScriptedBmc> => {
  const certificate = given.certificate ?? (await makeCertificate("bmc"));
  const host = given.host ?? "127.0.0.1";
  const resources = plainMachine();
  const sessions = new Map<string, string>();
  const defaults = createDefaults(resources, sessions);
  const asked: Asked[] = [];
  const counts = new Map<string, number>();
  const server = createServer(certificate, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const one: Asked = {
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: text === "" ? undefined : JSON.parse(text),
      };
      asked.push(one);
      const name = `${one.method} ${one.path}`;
      const times = (counts.get(name) ?? 0) + 1;
      counts.set(name, times);
      const answer = bmc.script(one, times) ?? defaults(one);
      if (answer.silent === true) return;
      if (answer.cut === "before") {
        request.socket.destroy();
        return;
      }
      const body =
        typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? undefined);
      response.writeHead(answer.status ?? 200, {
        "Content-Type": "application/json",
        ...(answer.cut === "middle" ? { "Content-Length": String((body?.length ?? 0) + 100) } : {}),
        ...answer.headers,
      });
      if (answer.cut === "middle") {
        response.write(body ?? "", () => request.socket.destroy());
        return;
      }
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const bmc: ScriptedBmc = {
    address: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    certificate,
    asked,
    calls: () =>
      asked
        .map(({ method, path }) => `${method} ${path}`)
        .filter((call) => !call.includes("/Sessions") && call !== `GET ${paths.root}`),
    resources,
    sessions,
    script: () => undefined,
    changeCertificate: (next) => server.setSecureContext(next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return bmc;
};
