import { describe, expect, it } from "vitest";
import { keyOf, originOf, sameOriginTarget, targetOf } from "./address.ts";

describe("an address", () => {
  it.each([
    ["https://10.0.0.5", { host: "10.0.0.5", port: 443, name: "https://10.0.0.5:443" }],
    [
      "https://BMC-7.example:8443/",
      { host: "bmc-7.example", port: 8443, name: "https://bmc-7.example:8443" },
    ],
    ["https://[fe80::1]:444", { host: "fe80::1", port: 444, name: "https://[fe80::1]:444" }],
  ])("%s is understood", (address, origin) => {
    expect(originOf(address)).toEqual(origin);
  });

  it.each(["http://10.0.0.5", "10.0.0.5", "ftp://x", ""])("%j is refused", (address) => {
    expect(() => originOf(address)).toThrow("not an https origin");
  });
});

describe("a link", () => {
  it("is asked for as it was written", () => {
    const dell = "/redfish/v1/Systems/System.Embedded.1/Storage/CPU.1/Drives/Disk.Bay.2:Enclosure";
    expect(targetOf(dell)).toBe(dell);
    expect(targetOf("/a/b/")).toBe("/a/b/");
    expect(targetOf("/a%20b?$skip=75")).toBe("/a%20b?$skip=75");
    expect(targetOf("/Power#/PowerSupplies/0")).toBe("/Power");
    expect(targetOf("/a b/ü")).toBe("/a%20b/%C3%BC");
    expect(targetOf("https://10.0.0.5/redfish/v1/x?y=1")).toBe("/redfish/v1/x?y=1");
  });

  it("is the same whatever its case, slash and fragment", () => {
    expect(keyOf("/redfish/v1/systems/1/")).toBe(keyOf("/redfish/v1/Systems/1#/Boot"));
    expect(keyOf("/redfish/v1/Systems/1")).not.toBe(keyOf("/redfish/v1/Systems/2"));
  });

  it("of a redirect stays on its host and port", () => {
    const origin = originOf("https://10.0.0.5:8443");
    expect(sameOriginTarget(origin, "/a/b", "/c")).toBe("/c");
    expect(sameOriginTarget(origin, "/a/b", "c")).toBe("/a/c");
    expect(sameOriginTarget(origin, "/a", "https://10.0.0.5:8443/c?d")).toBe("/c?d");
    for (const elsewhere of [
      "https://10.0.0.5/c",
      "http://10.0.0.5:8443/c",
      "//evil/c",
      "mailto:x",
    ]) {
      expect(sameOriginTarget(origin, "/a", elsewhere)).toBeNull();
    }
  });
});
