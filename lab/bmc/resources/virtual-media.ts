import { base, refuse, succeeded } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { collection, paths } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Resource, Routes } from "#lab/bmc/router.ts";
import type { MediaSlot, Profile } from "#lab/profiles/profile.ts";

/** Virtual media, below the system, below the manager or below both; the same slots in either place. */
export function virtualMedia(profile: Profile): Routes {
  let routes: Routes = {};
  for (const home of profile.media.homes) {
    const path = `${home.owner === "system" ? paths(profile).system : paths(profile).manager}/VirtualMedia`;
    const members = Object.values(home.names).map((name) => `${path}/${name}`);
    routes = { ...routes, [path]: { get: () => collection(path, "VirtualMedia", members) } };
    for (const slot of profile.media.slots) {
      const name = home.names[slot.id];
      if (name !== undefined)
        routes = { ...routes, ...slotRoutes(profile, slot, `${path}/${name}`) };
    }
  }
  return routes;
}

function slotRoutes(profile: Profile, slot: MediaSlot, path: string): Routes {
  const { media } = profile;
  const get = (call: Call): Body => slotBody(call, slot, path);
  if (media.by === "patch") {
    const resource: Resource = slot.isUsable
      ? { get, patch: (call) => patchSlot(call, slot) }
      : { get };
    return { [path]: resource };
  }
  if (!slot.isUsable) return { [path]: { get } };
  return {
    [path]: { get },
    [`${path}/Actions/VirtualMedia.InsertMedia`]: { post: (call) => insertByAction(call, slot) },
    [`${path}/Actions/VirtualMedia.EjectMedia`]: { post: (call) => eject(call, slot) },
    ...(media.hasActionInfo
      ? { [`${path}/InsertMediaActionInfo`]: { get: () => insertInfo(profile, path) } }
      : {}),
  };
}

function slotBody(call: Call, slot: MediaSlot, path: string): Body {
  const { profile, machine } = call;
  const { media } = profile;
  const medium = machine.media[slot.id];
  const isInserted = medium !== undefined;
  const listsEject = isInserted || !media.listsEjectWhenInserted;
  const actions = `${path}/Actions`;
  return {
    "@odata.id": path,
    "@odata.type": `#${profile.versions.media}.VirtualMedia`,
    Id: path.slice(path.lastIndexOf("/") + 1),
    Name: "Virtual Removable Media",
    MediaTypes: slot.types,
    Image: medium?.image ?? media.emptyImage,
    ImageName:
      medium === undefined
        ? media.emptyImage
        : medium.image.slice(medium.image.lastIndexOf("/") + 1),
    Inserted: isInserted,
    ConnectedVia: isInserted ? "URI" : "NotConnected",
    WriteProtected: medium?.writeProtected ?? true,
    TransferMethod: isInserted ? "Stream" : null,
    TransferProtocolType: medium === undefined ? null : protocolOf(medium.image),
    Actions:
      media.by === "patch" || !slot.isUsable
        ? undefined
        : {
            "#VirtualMedia.InsertMedia": {
              target: `${actions}/VirtualMedia.InsertMedia`,
              "@Redfish.ActionInfo": media.hasActionInfo
                ? `${path}/InsertMediaActionInfo`
                : undefined,
            },
            "#VirtualMedia.EjectMedia": listsEject
              ? { target: `${actions}/VirtualMedia.EjectMedia` }
              : undefined,
          },
  };
}

function insertInfo(profile: Profile, path: string): Body {
  return {
    "@odata.id": `${path}/InsertMediaActionInfo`,
    "@odata.type": "#ActionInfo.v1_1_2.ActionInfo",
    Id: "InsertMediaActionInfo",
    Name: "InsertMedia Action Info",
    Parameters: [
      { Name: "Image", Required: true, DataType: "String" },
      {
        Name: "TransferProtocolType",
        Required: false,
        DataType: "String",
        AllowableValues: profile.media.protocols.map((protocol) => protocol.toUpperCase()),
      },
    ],
  };
}

const insertParameters = [
  "Image",
  "Inserted",
  "WriteProtected",
  "TransferMethod",
  "TransferProtocolType",
  "UserName",
  "Password",
];

function insertByAction(call: Call, slot: MediaSlot): Answer {
  const { profile, body } = call;
  const action = "VirtualMedia.InsertMedia";
  const stranger = Object.keys(body).find((name) => !insertParameters.includes(name));
  if (stranger !== undefined) return refuse(profile, base.unknownParameter(action, stranger));
  if (body["Image"] === undefined) return refuse(profile, base.missingParameter(action, "Image"));
  const image = imageUrl(call);
  return typeof image === "string" ? insert(call, slot, image) : image;
}

function insert(call: Call, slot: MediaSlot, image: string): Answer {
  const { profile } = call;
  const writeProtected = call.body["WriteProtected"] !== false;
  const outcome = call.command({
    do: "insert-media",
    slot: slot.id,
    medium: { image, writeProtected },
  });
  if (outcome.kind === "refused") return refuse(profile, profile.media.onInsertOccupied);
  return succeeded(profile, profile.media.successStatus);
}

function eject(call: Call, slot: MediaSlot): Answer {
  const { profile } = call;
  const outcome = call.command({ do: "eject-media", slot: slot.id });
  if (outcome.kind === "refused" && profile.media.onEjectEmpty !== null) {
    return refuse(profile, profile.media.onEjectEmpty);
  }
  return succeeded(profile, profile.media.successStatus);
}

/** XCC has no actions: a PATCH of Image inserts, and one with a null Image or with Inserted false ejects. */
function patchSlot(call: Call, slot: MediaSlot): Answer {
  const { profile, body } = call;
  const stranger = Object.keys(body).find((name) => !insertParameters.includes(name));
  if (stranger !== undefined) {
    const isKnown = stranger in slotBody(call, slot, call.path);
    return refuse(profile, isKnown ? base.notWritable(stranger) : base.unknownProperty(stranger));
  }
  if (body["Image"] === null || body["Inserted"] === false) return eject(call, slot);
  if (body["Image"] === undefined) return refuse(profile, base.missingProperty("Image"));
  if (body["Inserted"] !== true) return refuse(profile, base.missingProperty("Inserted"));
  const image = imageUrl(call);
  return typeof image === "string" ? insert(call, slot, image) : image;
}

function imageUrl(call: Call): string | Answer {
  const { profile } = call;
  const { Image: image } = call.body;
  if (typeof image !== "string") return refuse(profile, base.wrongType("Image", image));
  const isUrl = URL.canParse(image);
  if (!isUrl || !profile.media.protocols.includes(protocolOf(image).toLowerCase())) {
    return refuse(profile, base.valueNotInList("Image", image));
  }
  return image;
}

function protocolOf(url: string): string {
  return url.slice(0, Math.max(0, url.indexOf(":"))).toUpperCase();
}
