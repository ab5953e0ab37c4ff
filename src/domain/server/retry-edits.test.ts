import { describe, expect, it } from "vitest";
import type { WorkflowType } from "#contract/run.ts";
import type { Edit } from "#domain/request-edit.ts";
import { requestEdits } from "#domain/retry-edits.ts";

const serverId = "srv_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
const secret = "sec_01KAP5ZV9QJ5T1W7R9D0C3M8XH";

const provisioned = {
  serverId,
  image: { url: "https://images.example/a.iso", format: "iso", checksum: null, checksumType: null },
  completion: "callback",
  userData: secret,
  networkData: null,
  onFailure: "hold",
};

/** What becomes of an input by an edit: the edited one, or the fields that are refused. */
function edited(type: WorkflowType, input: object, edit: Edit) {
  const rules = requestEdits[type]!;
  const parsed = rules.request.safeParse(rules.merge(input, edit));
  return parsed.success
    ? rules.apply(input, parsed.data, edit)
    : parsed.error.issues.map(({ path }) => path.join("."));
}

describe("the edit of a provisioning", () => {
  const edit = (fields: Edit) => edited("server.provision", provisioned, fields);

  it("leaves what it does not name", () => {
    expect(edit({})).toEqual({ input: provisioned, clear: {} });
    const image = { url: "https://images.example/b.iso", format: "iso" };
    expect(edit({ image })).toEqual({
      input: { ...provisioned, image: { ...provisioned.image, url: image.url } },
      clear: {},
    });
  });

  it("takes no image that the request would not take", () => {
    for (const url of ["https://u:p@images.example/a.iso", "file:///etc/passwd"])
      expect(edit({ image: { url, format: "iso" } })).toEqual(["image.url"]);
    // Two fields that do not go together, one of them the old one's.
    const live = { ...provisioned, completion: "power-off" };
    const image = { url: "https://images.example/b.iso", format: "live-iso" };
    expect(edited("server.provision", live, { image })).toEqual(["completion"]);
  });

  it("takes new texts in clear or none, and no reference", () => {
    const input = { ...provisioned, userData: null };
    expect(edit({ userData: "#cloud-config" })).toEqual({
      input,
      clear: { userData: "#cloud-config" },
    });
    expect(edit({ userData: null })).toEqual({ input, clear: {} });
    expect(edit({ userData: secret, networkData: secret })).toEqual(["userData", "networkData"]);
  });
});

it("the edit of a decommissioning asks for the reason that its request asks for", () => {
  const input = { serverId, skipErase: false, reason: null };
  expect(edited("server.decommission", input, { skipErase: true })).toEqual(["reason"]);
  expect(edited("server.decommission", input, { skipErase: true, reason: "shredded" })).toEqual({
    input: { serverId, skipErase: true, reason: "shredded" },
    clear: {},
  });
});

it("the edit of an inspection takes nothing", () => {
  expect(edited("server.inspect", { serverId }, { serverId })).not.toHaveProperty("input");
});

it("the edit of a reinstallation keeps what is installed", () => {
  const { serverId: _, onFailure: __, ...reprovision } = provisioned;
  const input = {
    serverId,
    action: "reprovision",
    force: false,
    gracePeriodMs: 1_000,
    reason: null,
    reprovision,
  };
  expect(edited("server.lifecycle", input, { force: true, gracePeriodMs: 0 })).toEqual({
    input: { ...input, force: true, gracePeriodMs: 0 },
    clear: {},
  });
  expect(edited("server.lifecycle", input, { reprovision })).not.toHaveProperty("input");
});
