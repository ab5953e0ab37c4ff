import { timingSafeEqual } from "node:crypto";
import type { Kinds } from "#lab/kubernetes/kinds/registry.ts";
import { forbidden, unauthorized } from "#lab/kubernetes/status.ts";

/** Who calls, and what they may do. */
export interface User {
  readonly name: string;
  /** `write` may do everything, `read` may look at all but Secrets. */
  readonly may: "write" | "read";
}

/** The users of a kubeconfig: whose context is called what. */
export const users: readonly User[] = [
  { name: "lab-admin", may: "write" },
  { name: "lab-reader", may: "read" },
];

/** The user whose bearer token this is. A Refusal (401) for anybody else. */
export function authenticate(
  authorization: string | undefined,
  tokens: Readonly<Record<string, string>>,
): User {
  const [, token = ""] = /^Bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
  const found = users.find(({ name }) => isSame(tokens[name] ?? "", token));
  if (found === undefined || token === "") throw unauthorized();
  return found;
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/** What a request wants to do, in the words of Kubernetes' access control. */
export interface Attempt {
  readonly verb: string;
  readonly group: string;
  readonly plural: string;
  readonly name: string;
  readonly namespace: string;
}

const reading = new Set(["get", "list", "watch"]);

/** A Refusal (403) for what the user may not do. */
export function authorize(user: User, attempt: Attempt): void {
  if (isAllowed(user, attempt)) return;
  const { verb, group, plural, namespace, name } = attempt;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  throw forbidden(
    { group, plural },
    name,
    `User "${user.name}" cannot ${verb} resource "${plural}" in API group "${group}" ${where}`,
  );
}

/** Whether the user may do it. `*` is a verb, group or plural that stands for all of them. */
export function isAllowed(
  user: User,
  { verb, group, plural }: Omit<Attempt, "name" | "namespace">,
): boolean {
  if (user.may === "write") return true;
  const meetsSecrets = ["", "*"].includes(group) && ["secrets", "*"].includes(plural);
  return reading.has(verb) && !meetsSecrets;
}

interface Rules {
  readonly resourceRules: readonly {
    readonly verbs: readonly string[];
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
  }[];
  readonly nonResourceRules: readonly {
    readonly verbs: readonly string[];
    readonly nonResourceURLs: readonly string[];
  }[];
}

/** What the user may do, as rules of roles. They only allow, so that what is left out of a group names all the others. */
export function rulesOf(user: User, kinds: Kinds): Rules {
  const verbs = user.may === "write" ? ["*"] : [...reading];
  const everything = { verbs, apiGroups: ["*"], resources: ["*"] };
  const paths = { verbs: user.may === "write" ? ["*"] : ["get"], nonResourceURLs: ["*"] };
  if (user.may === "write") return { resourceRules: [everything], nonResourceRules: [paths] };
  const groups = [...new Set(kinds.all().map(({ group }) => group))].toSorted();
  return {
    resourceRules: groups.map((group) => {
      const plurals = kinds.all().flatMap((kind) => (kind.group === group ? kind.plural : []));
      const allowed = plurals.filter((plural) => isAllowed(user, { verb: "get", group, plural }));
      const resources = allowed.length === plurals.length ? ["*"] : allowed.toSorted();
      return { verbs, apiGroups: [group], resources };
    }),
    nonResourceRules: [paths],
  };
}
