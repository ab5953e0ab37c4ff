import type { Body } from "#lab/bmc/answer.ts";
import { collection, healthy, link, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { PowerSupply } from "#lab/profiles/hardware.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import { powerState } from "#lab/world/machine.ts";

/** Power supplies, fans and temperatures: in the old two resources, in the new subsystems, or in both. */
export function environment(profile: Profile): Routes {
  const { chassis } = paths(profile);
  const hasOld = profile.layout.environment !== "new";
  const hasNew = profile.layout.environment !== "old";
  return {
    ...(hasOld
      ? {
          [`${chassis}/Power`]: { get: (call: Call) => powerBody(call, `${chassis}/Power`) },
          [`${chassis}/Thermal`]: { get: (call: Call) => thermalBody(call, `${chassis}/Thermal`) },
        }
      : {}),
    ...(hasNew ? subsystems(chassis) : {}),
    ...sensors(`${chassis}/Sensors`),
  };
}

interface Reading {
  readonly id: string;
  readonly name: string;
  readonly type: "Power" | "Rotational" | "Temperature" | "Voltage";
  readonly units: "W" | "RPM" | "Cel" | "V";
  readonly value: number;
}

/** What the sensors show follows what the machine does; it does not drift, so that two reads of a resting machine are equal. */
function readings(call: Call): readonly Reading[] {
  const { hardware, profile } = call;
  const watts = totalWatts(call);
  const isOff = powerState(call.machine) === "Off";
  const share = watts / Math.max(1, hardware.powerSupplies.length);
  return [
    { id: "TotalPower", name: "Total Power", type: "Power", units: "W", value: watts },
    ...hardware.powerSupplies.map((supply): Reading => ({
      id: `${supply.id}_Input`,
      name: `${supply.name} Input`,
      type: "Power",
      units: "W",
      value: share,
    })),
    ...hardware.fans.map((name, index): Reading => ({
      id: `Fan${index + 1}`,
      name,
      type: "Rotational",
      units: "RPM",
      value: isOff ? 0 : 6480,
    })),
    ...hardware.temperatures.map((name, index): Reading => ({
      id: `Temp${index + 1}`,
      name,
      type: "Temperature",
      units: "Cel",
      value: isOff ? 22 : 24 + ((index * 7) % 30),
    })),
    ...Array.from({ length: profile.layout.moreSensors }, (_, index): Reading => ({
      id: `Rail${index + 1}`,
      name: `Voltage Rail ${index + 1}`,
      type: "Voltage",
      units: "V",
      value: isOff ? 0 : 12.1,
    })),
  ];
}

function totalWatts(call: Call): number {
  const { hardware, machine } = call;
  const idle = 140 + 60 * hardware.cpus.length + 75 * hardware.gpus.length;
  switch (machine.phase.kind) {
    case "off":
      return 18;
    case "powering-on":
    case "powering-off":
      return 60;
    case "installing":
    case "booting-os":
    case "post":
      return idle + 120;
    case "reading-media":
    case "os":
    case "live":
    case "halted":
    case "shutting-down":
      return idle;
  }
}

function sensors(home: string): Routes {
  return {
    [home]: {
      get: (call) =>
        collection(
          home,
          "Sensor",
          readings(call).map(({ id }) => `${home}/${id}`),
        ),
    },
    [`${home}/{id}`]: {
      get: (call) => {
        const reading = readings(call).find(({ id }) => id === call.params["id"]);
        if (reading === undefined) return undefined;
        return {
          "@odata.id": `${home}/${reading.id}`,
          "@odata.type": "#Sensor.v1_5_0.Sensor",
          Id: reading.id,
          Name: reading.name,
          Reading: reading.value,
          ReadingType: reading.type,
          ReadingUnits: reading.units,
          Status: healthy,
        };
      },
    },
  };
}

function powerBody(call: Call, path: string): Body {
  const watts = totalWatts(call);
  const supplies = call.hardware.powerSupplies;
  return {
    "@odata.id": path,
    "@odata.type": "#Power.v1_7_1.Power",
    Id: "Power",
    Name: "Power",
    PowerControl: [
      {
        "@odata.id": `${path}#/PowerControl/0`,
        MemberId: "0",
        Name: "System Power Control",
        PowerConsumedWatts: watts,
        PowerCapacityWatts: supplies.reduce((sum, supply) => sum + supply.capacityWatts, 0),
        Status: healthy,
      },
    ],
    PowerSupplies: supplies.map((supply, index) => ({
      "@odata.id": `${path}#/PowerSupplies/${index}`,
      MemberId: String(index),
      ...supplyProperties(supply),
      LastPowerOutputWatts: Math.round(watts / supplies.length),
      PowerSupplyType: "AC",
    })),
  };
}

function thermalBody(call: Call, path: string): Body {
  const of = (type: Reading["type"]): readonly Reading[] =>
    readings(call).filter((reading) => reading.type === type);
  return {
    "@odata.id": path,
    "@odata.type": "#Thermal.v1_7_1.Thermal",
    Id: "Thermal",
    Name: "Thermal",
    Fans: of("Rotational").map((reading, index) => ({
      "@odata.id": `${path}#/Fans/${index}`,
      MemberId: String(index),
      Name: reading.name,
      Reading: reading.value,
      ReadingUnits: "RPM",
      Status: healthy,
    })),
    Temperatures: of("Temperature").map((reading, index) => ({
      "@odata.id": `${path}#/Temperatures/${index}`,
      MemberId: String(index),
      Name: reading.name,
      ReadingCelsius: reading.value,
      UpperThresholdCritical: 90,
      Status: healthy,
    })),
  };
}

function supplyProperties(supply: PowerSupply): Body {
  return {
    Name: supply.name,
    Model: supply.model,
    Manufacturer: supply.manufacturer,
    SerialNumber: supply.serial,
    PowerCapacityWatts: supply.capacityWatts,
    Status: { State: "Enabled", Health: "OK" },
  };
}

function subsystems(chassis: string): Routes {
  const power = `${chassis}/PowerSubsystem`;
  const supplies = `${power}/PowerSupplies`;
  const thermal = `${chassis}/ThermalSubsystem`;
  const fans = `${thermal}/Fans`;
  return {
    [power]: {
      get: (call) => ({
        "@odata.id": power,
        "@odata.type": "#PowerSubsystem.v1_1_0.PowerSubsystem",
        Id: "PowerSubsystem",
        Name: "Power Subsystem",
        CapacityWatts: call.hardware.powerSupplies.reduce(
          (sum, supply) => sum + supply.capacityWatts,
          0,
        ),
        PowerSupplies: link(supplies),
        Status: healthy,
      }),
    },
    [supplies]: {
      get: (call) =>
        collection(
          supplies,
          "PowerSupply",
          call.hardware.powerSupplies.map(({ id }) => `${supplies}/${id}`),
        ),
    },
    [`${supplies}/{id}`]: {
      get: (call) => {
        const supply = call.hardware.powerSupplies.find(({ id }) => id === call.params["id"]);
        if (supply === undefined) return undefined;
        return {
          "@odata.id": `${supplies}/${supply.id}`,
          "@odata.type": "#PowerSupply.v1_5_0.PowerSupply",
          Id: supply.id,
          ...supplyProperties(supply),
        };
      },
    },
    [thermal]: {
      get: () => ({
        "@odata.id": thermal,
        "@odata.type": "#ThermalSubsystem.v1_3_0.ThermalSubsystem",
        Id: "ThermalSubsystem",
        Name: "Thermal Subsystem",
        Fans: link(fans),
        ThermalMetrics: link(`${thermal}/ThermalMetrics`),
        Status: healthy,
      }),
    },
    [fans]: {
      get: (call) =>
        collection(
          fans,
          "Fan",
          call.hardware.fans.map((_, index) => `${fans}/Fan${index + 1}`),
        ),
    },
    [`${fans}/{id}`]: {
      get: (call) => {
        const fan = readings(call).find(
          ({ type, id }) => type === "Rotational" && id === call.params["id"],
        );
        if (fan === undefined) return undefined;
        return {
          "@odata.id": `${fans}/${fan.id}`,
          "@odata.type": "#Fan.v1_4_0.Fan",
          Id: fan.id,
          Name: fan.name,
          SpeedPercent: { SpeedRPM: fan.value, DataSourceUri: `${chassis}/Sensors/${fan.id}` },
          Status: healthy,
        };
      },
    },
    [`${thermal}/ThermalMetrics`]: {
      get: (call) => ({
        "@odata.id": `${thermal}/ThermalMetrics`,
        "@odata.type": "#ThermalMetrics.v1_2_0.ThermalMetrics",
        Id: "ThermalMetrics",
        Name: "Thermal Metrics",
        TemperatureReadingsCelsius: readings(call)
          .filter(({ type }) => type === "Temperature")
          .map(({ id, name, value }) => ({
            DeviceName: name,
            Reading: value,
            DataSourceUri: `${chassis}/Sensors/${id}`,
          })),
      }),
    },
  };
}
