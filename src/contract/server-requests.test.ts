import { describe, expect, it } from "vitest";
import { readBmcAddress } from "./bmc-address.ts";
import {
  DecommissionServerQuery,
  ProvisionServerBody,
  RegisterServerBody,
  ServerLifecycleBody,
  UpdateServerBody,
} from "./server-requests.ts";

describe("a BMC's address", () => {
  it.each([
    ["10.0.0.5", "https://10.0.0.5"],
    ["10.0.0.5:8443", "https://10.0.0.5:8443"],
    ["10.0.0.5:443", "https://10.0.0.5"],
    ["https://10.0.0.5/", "https://10.0.0.5"],
    ["HTTPS://BMC-7.Example:8443", "https://bmc-7.example:8443"],
    ["[2001:DB8::7]", "https://[2001:db8::7]"],
    ["https://[fe80::1]:8443", "https://[fe80::1]:8443"],
  ])("%s is %s", (text, origin) => {
    expect(readBmcAddress(text)).toEqual({ ok: true, origin });
  });

  it.each([
    ["http://10.0.0.5", "unencrypted"],
    ["ftp://10.0.0.5", "not ftp"],
    ["root:calvin@10.0.0.5", "user name"],
    ["https://10.0.0.5/redfish/v1", "without a path"],
    ["10.0.0.5?x=1", "without a path"],
    ["fe80::1", "brackets"],
    ["10.0.0.5:0", "port 0"],
    ["10.0.0.5:99999", "is not a host"],
    ["10.5", "full IPv4 address"],
    ["0x0a000005", "full IPv4 address"],
    ["bmc 7", "is not a host"],
    ["[fe80::1%eth0]", "is not a host"],
    ["https://", "must name a host"],
  ])("%s is refused: %s", (text, reason) => {
    expect(readBmcAddress(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});

/** The fields that a body is refused for. */
const fields = (result: { error?: { issues: readonly { path: PropertyKey[] }[] } | undefined }) =>
  result.error?.issues.map((issue) => issue.path.join("."));

describe("bodies", () => {
  const register = { bmcAddress: "10.0.0.5", username: "root", password: "calvin" };

  it("fill in what a registration leaves out", () => {
    expect(RegisterServerBody.parse(register)).toEqual({
      ...register,
      bmcAddress: "https://10.0.0.5",
      tags: {},
      tls: { mode: "pin" },
      provisioner: "redfish",
      inspect: true,
      onFailure: "undo",
    });
  });

  it("write a fingerprint as Node prints it", () => {
    const fingerprint256 = "ab".repeat(32);
    const { tls } = RegisterServerBody.parse({ ...register, tls: { fingerprint256 } });
    expect(tls.fingerprint256).toMatch(/^(AB:){31}AB$/);
  });

  it.each([
    [{ ...register, bmcAdress: "10.0.0.6" }, [""]],
    [{ ...register, bmcAddress: "http://10.0.0.5" }, ["bmcAddress"]],
    [{ ...register, password: "" }, ["password"]],
    [{ ...register, pool: "GPU A" }, ["pool"]],
    [
      { ...register, tls: { mode: "insecure", fingerprint256: "ab".repeat(32) } },
      ["tls.fingerprint256"],
    ],
    [{ ...register, tls: { mode: "trust-me" } }, ["tls.mode"]],
  ])("refuse a registration, case %#", (body, refused) => {
    expect(fields(RegisterServerBody.safeParse(body))).toEqual(refused);
  });

  const image = { url: "https://images.example/debian-13.iso", format: "iso" };
  const sha256 = "0123456789ABCDEF".repeat(4);

  it("tell a checksum's type by its length", () => {
    const body = ProvisionServerBody.parse({ image: { ...image, checksum: sha256 } });
    expect(body.image).toEqual({
      ...image,
      checksum: sha256.toLowerCase(),
      checksumType: "sha256",
    });
  });

  it.each([
    [{ ...image, url: "ftp://images.example/a.iso" }, ["image.url"]],
    [{ ...image, url: "images.example/a.iso" }, ["image.url"]],
    [{ ...image, url: "https://images.example/a.iso?token=1" }, ["image.url"]],
    [{ ...image, url: "https://me:secret@images.example/a.iso" }, ["image.url"]],
    [{ ...image, checksum: "abc" }, ["image.checksum"]],
    [{ ...image, checksum: sha256, checksumType: "sha512" }, ["image.checksum"]],
    [{ ...image, checksumType: "sha256" }, ["image.checksumType"]],
    [{ ...image, format: "vmdk" }, ["image.format"]],
  ])("refuse an image, case %#", (bad, refused) => {
    expect(fields(ProvisionServerBody.safeParse({ image: bad }))).toEqual(refused);
  });

  it("let a disk image's URL have a query: no BMC reads it", () => {
    const body = { image: { url: "https://images.example/a.raw?v=1", format: "raw" } };
    expect(fields(ProvisionServerBody.safeParse(body))).toBeUndefined();
  });

  it("refuse a live system that is to switch off", () => {
    const body = { image: { ...image, format: "live-iso" }, completion: "power-off" };
    expect(fields(ProvisionServerBody.safeParse(body))).toEqual(["completion"]);
  });

  it("refuse no grace at all without force", () => {
    const body = { action: "power-off", gracePeriodMs: 0 };
    expect(fields(ServerLifecycleBody.safeParse(body))).toEqual(["gracePeriodMs"]);
    expect(ServerLifecycleBody.parse({ ...body, force: true }).gracePeriodMs).toBe(0);
  });

  it("want a reason for disks that are not erased", () => {
    expect(fields(DecommissionServerQuery.safeParse({ skipErase: "true" }))).toEqual(["reason"]);
    expect(DecommissionServerQuery.parse({})).toEqual({ skipErase: false });
  });

  it("refuse a change of nothing", () => {
    expect(UpdateServerBody.safeParse({}).success).toBe(false);
  });
});
