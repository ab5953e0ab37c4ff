import { registration } from "./registration.ts";
import { done, type Stage } from "./stage.ts";

/** A server's life: registered, installed, power-cycled, an installation that is taken back, decommissioned. */
export async function playServer(stage: Stage): Promise<void> {
  stage.chapter("A server");
  const { api, described } = stage;
  const servers = `${stage.base}/infrastructure/servers`;
  const bmc = described.bmcs[0];
  const image = described.images.find((each) => each.format === "iso");
  if (bmc === undefined || image === undefined)
    throw new Error("the lab has neither a server nor an image");

  const registered = await stage.follow(
    `Register ${bmc.name} (${bmc.vendor} ${bmc.model}) and inspect it`,
    () => api.request("POST", servers, registration(bmc)),
    done,
  );
  if (registered === null) return;
  const server = `${servers}/${registered.resourceId}`;

  const picture = {
    url: image.url,
    format: image.format,
    checksum: image.checksum,
    checksumType: image.checksumType,
  };
  await stage.follow(
    `Install ${image.name} on it`,
    () => api.request("POST", `${server}/provision`, { image: picture }),
    done,
  );
  await stage.follow(
    "Power-cycle it",
    () => api.request("POST", `${server}/lifecycle`, { action: "power-cycle" }),
    done,
  );

  await stage.ended(
    "Deprovision it",
    await api.request("POST", `${server}/lifecycle`, { action: "deprovision" }),
    done,
  );
  // The image is in its slot when this strikes, so there is something to take back.
  await stage.lab.disturb({ target: bmc.name, path: "/Systems/", method: "PATCH", status: 400 });
  const undone = await stage.follow(
    "Install again, with a BMC that now refuses to boot from the image: the image is in, and is taken out again",
    () => api.request("POST", `${server}/provision`, { image: picture }),
    { status: "failed", cleanup: "complete", code: "BMC_REJECTED" },
  );
  stage.expect(
    undone?.steps.find(({ name }) => name === "insert-media")?.undo === "undone",
    "the image that was in its slot should have been taken out again",
  );
  await stage.lab.disturb({ clear: true });

  const wrongPassword = described.bmcs.find((each) => each.name.endsWith("bad-password"));
  if (wrongPassword !== undefined) {
    await stage.follow(
      `Register ${wrongPassword.name}: nothing is left behind`,
      () => api.request("POST", servers, registration(wrongPassword)),
      { status: "failed", code: "BMC_AUTH_FAILED" },
    );
  }
  await stage.follow(
    "Decommission it: erase the disks, forget the credentials",
    () => api.request("DELETE", server),
    done,
  );
}
