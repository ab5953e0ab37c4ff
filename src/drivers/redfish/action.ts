import type { Facts } from "./facts.ts";
import type { Conversation } from "./wire/conversation.ts";

/** An action as a resource offers it. */
export interface Action {
  /** Where to POST, byte for byte as written: a trailing slash more or less is 405 on some. */
  readonly target: string;
  readonly facts: Facts;
}

export const actionOf = (resource: Facts, name: string): Action | null => {
  const facts = resource.at("Actions").at(name);
  const target = facts.text("target");
  return target === null ? null : { target, facts };
};

/** The parameters that an action's ActionInfo lists; null when it has none or none can be read. */
const readParameters = async (
  talk: Conversation,
  action: Action,
): Promise<readonly Facts[] | null> => {
  const info = action.facts.link("@Redfish.ActionInfo");
  if (info === null) return null;
  const look = await talk.look(info);
  if (look.kind === "missing") return null;
  const parameters = look.facts.list("Parameters");
  return parameters.length === 0 ? null : parameters;
};

/** Names of the parameters that ActionInfo calls required. */
export const readRequired = async (
  talk: Conversation,
  action: Action,
): Promise<readonly string[]> =>
  ((await readParameters(talk, action)) ?? [])
    .filter((parameter) => parameter.flag("Required") === true)
    .flatMap((parameter) => parameter.text("Name") ?? []);

/** The values an action allows for a parameter: ActionInfo first, then the inline list; null when nothing says. */
export const readAllowed = async (
  talk: Conversation,
  action: Action,
  parameter: string,
): Promise<readonly string[] | null> => {
  const parameters = await readParameters(talk, action);
  const listed = parameters?.find((facts) => facts.text("Name") === parameter);
  const values = listed?.texts("AllowableValues") ?? [];
  if (values.length > 0) return values;
  const inline = action.facts.texts(`${parameter}@Redfish.AllowableValues`);
  return inline.length > 0 ? inline : null;
};
