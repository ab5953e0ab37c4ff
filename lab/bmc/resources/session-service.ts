import { base, refuse } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { checkPassword } from "#lab/bmc/credentials.ts";
import { collection, isoTime, link } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Session } from "#lab/bmc/sessions.ts";
import type { Profile } from "#lab/profiles/profile.ts";

const service = "/redfish/v1/SessionService";
const sessions = `${service}/Sessions`;

export function sessionService(profile: Profile): Routes {
  return {
    [service]: {
      get: () => ({
        "@odata.id": service,
        "@odata.type": "#SessionService.v1_1_8.SessionService",
        Id: "SessionService",
        Name: "Session Service",
        ServiceEnabled: true,
        SessionTimeout: profile.sessions.timeoutS,
        Sessions: link(sessions),
        Status: { State: "Enabled", Health: "OK" },
      }),
    },
    [sessions]: {
      get: (call) => collection(sessions, "Session", call.sessions.list().map(pathOf)),
      post: login,
    },
    [`${sessions}/{id}`]: {
      get: (call) => {
        const session = call.sessions.list().find(({ id }) => id === call.params["id"]);
        return session === undefined ? undefined : sessionBody(session);
      },
      delete: (call) =>
        call.sessions.close(call.params["id"] ?? "")
          ? { status: 204 }
          : refuse(call.profile, base.notFound(call.path)),
    },
  };
}

function login(call: Call): Answer {
  const { UserName: username, Password: password } = call.body;
  if (typeof username !== "string") return refuse(call.profile, base.missingProperty("UserName"));
  if (typeof password !== "string") return refuse(call.profile, base.missingProperty("Password"));
  const isRight = checkPassword({ ...call, username, password });
  if (!isRight) return refuse(call.profile, base.accessDenied(call.path));
  const session = call.sessions.open(username);
  if (session === undefined) return refuse(call.profile, call.profile.sessions.onLimit);
  return {
    status: 201,
    headers: { Location: pathOf(session), "X-Auth-Token": session.token },
    body: sessionBody(session),
  };
}

function pathOf(session: Session): string {
  return `${sessions}/${session.id}`;
}

function sessionBody(session: Session): Body {
  return {
    "@odata.id": pathOf(session),
    "@odata.type": "#Session.v1_3_0.Session",
    Id: session.id,
    Name: "User Session",
    UserName: session.username,
    CreatedTime: isoTime(session.createdAt),
  };
}
