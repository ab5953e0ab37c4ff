import { builtIn } from "./built-in.ts";
import type { Kind, PrinterColumn } from "./kind.ts";

const group = "rbac.authorization.k8s.io";

const createdAt: PrinterColumn = {
  name: "Created At",
  type: "string",
  jsonPath: ".metadata.creationTimestamp",
};

const role: PrinterColumn = { name: "Role", type: "string", jsonPath: ".roleRef.name" };

/** The resource by which a user asks what it may do. */
export const accessReview = builtIn({
  group: "authorization.k8s.io",
  kind: "SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
  isCluster: true,
  verbs: ["create"],
});

/** The resource by which a user asks for all that it may do. */
export const rulesReview = builtIn({
  group: "authorization.k8s.io",
  kind: "SelfSubjectRulesReview",
  plural: "selfsubjectrulesreviews",
  isCluster: true,
  verbs: ["create"],
});

/** Access control. Roles are kept and restrict nobody: what the lab's users may do is fixed. */
export const accessControlKinds: readonly Kind[] = [
  builtIn({ group, kind: "Role", plural: "roles", columns: [createdAt], hasAge: false }),
  builtIn({ group, kind: "RoleBinding", plural: "rolebindings", columns: [role] }),
  builtIn({
    group,
    kind: "ClusterRole",
    plural: "clusterroles",
    isCluster: true,
    columns: [createdAt],
    hasAge: false,
  }),
  builtIn({
    group,
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    isCluster: true,
    columns: [role],
  }),
  accessReview,
  rulesReview,
];
