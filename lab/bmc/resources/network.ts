import { collection, healthy, link, paths } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";

/** Network ports: as EthernetInterfaces of the system where it has them, and as adapters of the chassis. */
export function network(profile: Profile): Routes {
  const { system, chassis } = paths(profile);
  const ethernet = `${system}/EthernetInterfaces`;
  const interfaces = `${system}/NetworkInterfaces`;
  const adapters = `${chassis}/NetworkAdapters`;
  const adapter = `${adapters}/NIC.1`;
  return {
    ...(profile.layout.hasEthernetInterfaces ? ethernetInterfaces(profile, ethernet) : {}),
    ...(profile.layout.hasNetworkInterfaces
      ? {
          [interfaces]: {
            get: () => collection(interfaces, "NetworkInterface", [`${interfaces}/NIC.1`]),
          },
          [`${interfaces}/NIC.1`]: {
            get: () => ({
              "@odata.id": `${interfaces}/NIC.1`,
              "@odata.type": "#NetworkInterface.v1_2_0.NetworkInterface",
              Id: "NIC.1",
              Name: "System Network Interface",
              Status: healthy,
              Links: { NetworkAdapter: link(adapter) },
            }),
          },
        }
      : {}),
    [adapters]: { get: () => collection(adapters, "NetworkAdapter", [adapter]) },
    [adapter]: {
      get: (call) => ({
        "@odata.id": adapter,
        "@odata.type": "#NetworkAdapter.v1_9_0.NetworkAdapter",
        Id: "NIC.1",
        Name: "Network Adapter",
        Manufacturer: "Broadcom Inc.",
        Model: "BCM57414 2x25G SFP28",
        Status: healthy,
        Controllers: [{ ControllerCapabilities: { NetworkPortCount: call.hardware.nics.length } }],
        Ports: link(`${adapter}/Ports`),
      }),
    },
    [`${adapter}/Ports`]: {
      get: (call) =>
        collection(
          `${adapter}/Ports`,
          "Port",
          call.hardware.nics.map(({ id }) => `${adapter}/Ports/${id}`),
        ),
    },
    [`${adapter}/Ports/{id}`]: {
      get: (call) => {
        const nic = call.hardware.nics.find(({ id }) => id === call.params["id"]);
        if (nic === undefined) return undefined;
        return {
          "@odata.id": `${adapter}/Ports/${nic.id}`,
          "@odata.type": "#Port.v1_6_0.Port",
          Id: nic.id,
          Name: nic.name,
          LinkStatus: nic.hasLink ? "LinkUp" : "LinkDown",
          CurrentSpeedGbps: nic.hasLink ? nic.speedMbps / 1000 : 0,
          Ethernet: { AssociatedMACAddresses: [nic.mac] },
          Status: healthy,
        };
      },
    },
  };
}

function ethernetInterfaces(profile: Profile, home: string): Routes {
  return {
    [home]: {
      get: (call) =>
        collection(
          home,
          "EthernetInterface",
          call.hardware.nics.map(({ id }) => `${home}/${id}`),
        ),
    },
    [`${home}/{id}`]: {
      get: (call) => {
        const nic = call.hardware.nics.find(({ id }) => id === call.params["id"]);
        if (nic === undefined) return undefined;
        return {
          "@odata.id": `${home}/${nic.id}`,
          "@odata.type": `#${profile.versions.ethernet}.EthernetInterface`,
          Id: nic.id,
          Name: nic.name,
          MACAddress: nic.mac,
          PermanentMACAddress: nic.mac,
          SpeedMbps: nic.hasLink ? nic.speedMbps : 0,
          LinkStatus: nic.hasLink ? "LinkUp" : "LinkDown",
          InterfaceEnabled: true,
          IPv4Addresses: [],
          IPv6Addresses: [],
          Status: { State: "Enabled", Health: nic.hasLink ? "OK" : null },
        };
      },
    },
  };
}
