/** What the operator knows of a driver, which the scheme of a BMC address picks. */
export interface Driver {
  readonly name: string;
  /** It boots over the network, so that a host must say the MAC address from which. */
  readonly needsMac: boolean;
  readonly hasRaid: boolean;
  readonly hasSecureBoot: boolean;
}

const overNetwork = { needsMac: true, hasRaid: true, hasSecureBoot: true };
const overMedia = { needsMac: false, hasRaid: true, hasSecureBoot: true };
const plain = { needsMac: false, hasRaid: false, hasSecureBoot: false };

/** From baremetal-operator's pkg/hardwareutils/bmc. */
const drivers: Readonly<Record<string, Omit<Driver, "name">>> = {
  ipmi: plain,
  libvirt: { ...plain, needsMac: true },
  idrac: overNetwork,
  "idrac-redfish": overNetwork,
  "idrac-virtualmedia": overMedia,
  ilo4: { ...overNetwork, hasRaid: false },
  "ilo4-virtualmedia": { ...overMedia, hasRaid: false },
  ilo5: overNetwork,
  "ilo5-redfish": overNetwork,
  "ilo5-virtualmedia": overMedia,
  irmc: overNetwork,
  redfish: overNetwork,
  "redfish-uefihttp": overMedia,
  "redfish-virtualmedia": overMedia,
};

/** The driver for an address such as `redfish-virtualmedia+https://192.0.2.1/redfish/v1/Systems/1`; undefined: there is none. */
export function driverOf(address: string): Driver | undefined {
  const scheme = /^([a-z0-9-]+)(?:\+https?)?:\/\/[^/]/i.exec(address)?.[1]?.toLowerCase();
  // An address without a scheme is IPMI's.
  const name = scheme ?? (address.includes("://") ? "" : "ipmi");
  const driver = drivers[name];
  return driver === undefined ? undefined : { name, ...driver };
}

/** Host and port of an address that is spoken to over HTTP(S); null when it is none. */
export function originOf(address: string): { readonly host: string; readonly port: number } | null {
  const match = /^[a-z0-9-]+(\+https?)?:\/\/(.+)$/i.exec(address);
  if (match === null) return null;
  const url = `${match[1] === "+http" ? "http" : "https"}://${match[2] ?? ""}`;
  if (!URL.canParse(url)) return null;
  const { hostname, port, protocol } = new URL(url);
  const standard = protocol === "http:" ? 80 : 443;
  return { host: hostname, port: port === "" ? standard : Number(port) };
}
