import { link, paths } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";

const metadata = `<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/ServiceRoot_v1.xml">
    <edmx:Include Namespace="ServiceRoot"/>
  </edmx:Reference>
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">
      <EntityContainer Name="Service" Extends="ServiceRoot.ServiceContainer"/>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
`;

const services = [
  "AccountService",
  "Chassis",
  "Managers",
  "SessionService",
  "Systems",
  "UpdateService",
] as const;

/** What a client may read before it has logged in. */
export function serviceRoot(profile: Profile): Routes {
  return {
    "/redfish": { isOpen: true, get: () => ({ v1: "/redfish/v1/" }) },
    "/redfish/v1/odata": {
      isOpen: true,
      get: () => ({
        "@odata.context": "/redfish/v1/$metadata",
        value: ["Service", ...services].map((name) => ({
          name,
          kind: "Singleton",
          url: name === "Service" ? "/redfish/v1/" : `/redfish/v1/${name}`,
        })),
      }),
    },
    "/redfish/v1/$metadata": {
      isOpen: true,
      answer: () => ({ status: 200, body: metadata, contentType: "application/xml" }),
    },
    "/redfish/v1": {
      isOpen: true,
      get: (call) => ({
        "@odata.id": "/redfish/v1/",
        "@odata.type": `#${profile.versions.root}.ServiceRoot`,
        Id: "RootService",
        Name: "Root Service",
        ...Object.fromEntries(services.map((name) => [name, link(`/redfish/v1/${name}`)])),
        Tasks: link("/redfish/v1/TaskService"),
        Links: {
          Sessions: link("/redfish/v1/SessionService/Sessions"),
          ManagerProvidingService: link(paths(profile).manager),
        },
        ProtocolFeaturesSupported: {
          ExpandQuery: {
            Levels: profile.wire.expandLevels > 0,
            MaxLevels: profile.wire.expandLevels > 0 ? profile.wire.expandLevels : undefined,
            ExpandAll: profile.wire.expandForms.includes("*"),
            Links: profile.wire.expandForms.includes("~"),
            NoLinks: profile.wire.expandForms.includes("."),
          },
          FilterQuery: false,
          SelectQuery: false,
          OnlyMemberQuery: false,
          ExcerptQuery: false,
        },
        ...profile.own.root?.(call),
      }),
    },
  };
}
