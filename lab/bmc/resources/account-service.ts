import { base, refuse, succeeded } from "#lab/bmc/answer.ts";
import type { Answer, Body } from "#lab/bmc/answer.ts";
import { collection, link } from "#lab/bmc/call.ts";
import type { Call } from "#lab/bmc/call.ts";
import type { Routes } from "#lab/bmc/router.ts";
import type { Profile } from "#lab/profiles/profile.ts";
import type { Account } from "#lab/world/machine.ts";

const service = "/redfish/v1/AccountService";
const accounts = `${service}/Accounts`;
const roles = `${service}/Roles`;

/** Six, because the shortest factory password has six. */
const shortestPassword = 6;

const privileges = {
  Administrator: [
    "Login",
    "ConfigureManager",
    "ConfigureUsers",
    "ConfigureSelf",
    "ConfigureComponents",
  ],
  Operator: ["Login", "ConfigureSelf", "ConfigureComponents"],
  ReadOnly: ["Login", "ConfigureSelf"],
} as const;

export function accountService(profile: Profile): Routes {
  const { lockout } = profile.sessions;
  return {
    [service]: {
      get: (call) => ({
        "@odata.id": service,
        "@odata.type": "#AccountService.v1_10_0.AccountService",
        Id: "AccountService",
        Name: "Account Service",
        ServiceEnabled: true,
        AccountLockoutThreshold: lockout?.threshold ?? 0,
        AccountLockoutDuration: lockout?.seconds ?? 0,
        AccountLockoutCounterResetAfter: lockout?.seconds ?? 0,
        MinPasswordLength: shortestPassword,
        Accounts: link(accounts),
        Roles: link(roles),
        ...profile.own.accountService?.(call),
      }),
    },
    [accounts]: {
      get: (call) =>
        collection(
          accounts,
          "ManagerAccount",
          call.machine.accounts.map(({ id }) => `${accounts}/${id}`),
        ),
    },
    [`${accounts}/{id}`]: {
      get: (call) => {
        const account = find(call);
        return account === undefined ? undefined : accountBody(account);
      },
      patch: changeAccount,
    },
    [roles]: {
      get: () =>
        collection(
          roles,
          "Role",
          Object.keys(privileges).map((id) => `${roles}/${id}`),
        ),
    },
    [`${roles}/{id}`]: {
      get: (call) => {
        const role = Object.entries(privileges).find(([id]) => id === call.params["id"]);
        if (role === undefined) return undefined;
        const [id, assigned] = role;
        return {
          "@odata.id": `${roles}/${id}`,
          "@odata.type": "#Role.v1_3_1.Role",
          Id: id,
          Name: `${id} User Role`,
          IsPredefined: true,
          RoleId: id,
          AssignedPrivileges: assigned,
        };
      },
    },
  };
}

function find(call: Call): Account | undefined {
  return call.machine.accounts.find(({ id }) => id === call.params["id"]);
}

function accountBody(account: Account): Body {
  return {
    "@odata.id": `${accounts}/${account.id}`,
    "@odata.type": "#ManagerAccount.v1_8_0.ManagerAccount",
    Id: account.id,
    Name: "User Account",
    UserName: account.username,
    Password: null,
    RoleId: account.role,
    AccountTypes: ["Redfish", "WebUI"],
    Enabled: account.enabled,
    Locked: false,
    Links: { Role: link(`${roles}/${account.role}`) },
  };
}

function changeAccount(call: Call): Answer {
  const account = find(call);
  if (account === undefined) return refuse(call.profile, base.notFound(call.path));
  let change: Partial<Omit<Account, "id">> = {};
  for (const [name, value] of Object.entries(call.body)) {
    if (name === "Enabled" && typeof value === "boolean") change = { ...change, enabled: value };
    else if (name === "UserName" && typeof value === "string")
      change = { ...change, username: value };
    else if (name === "Password" && typeof value === "string" && value.length >= shortestPassword)
      change = { ...change, password: value };
    else if (name === "RoleId" && typeof value === "string" && value in privileges)
      change = { ...change, role: value };
    else if (["Enabled", "UserName", "Password", "RoleId"].includes(name)) {
      // A refused password must not come back in the answer.
      return refuse(call.profile, base.wrongType(name, name === "Password" ? "******" : value));
    } else return refuse(call.profile, base.unknownProperty(name));
  }
  call.command({ do: "set-account", id: account.id, change });
  return succeeded(call.profile, call.profile.power.successStatus);
}
