import { Failure } from "#contract/failures.ts";
import { actionOf, readAllowed } from "./action.ts";
import { readHost, readManagers } from "./machine.ts";
import type { Conversation } from "./wire/conversation.ts";

const resetTypes = ["GracefulRestart", "ForceRestart"];

/**
 * See `BmcPort.resetBmc`. A BMC may be gone before it has answered, so a connection that breaks after the
 * request was sent is the answer.
 */
export const resetBmc = async (talk: Conversation): Promise<void> => {
  const managers = await readManagers(talk, await readHost(talk));
  const action = managers
    .map(({ facts }) => actionOf(facts, "#Manager.Reset"))
    .find((found) => found !== null);
  if (action === undefined) {
    throw new Failure("BMC_UNSUPPORTED", "the BMC offers no way to restart itself", {
      details: { managers: managers.map(({ path }) => path) },
    });
  }
  const allowed = await readAllowed(talk, action, "ResetType");
  const type = resetTypes.find((value) => allowed === null || allowed.includes(value));
  try {
    // Without a type that we know, the service's own default is meant by leaving it out.
    await talk.post(action.target, type === undefined ? {} : { ResetType: type });
  } catch (error) {
    const reason = error instanceof Failure ? error.details?.["reason"] : null;
    if (reason !== "reset") throw error;
    talk.log("bmc.reset-cut-the-line", {});
  }
  await talk.dropSession();
  talk.memory.root = null;
  talk.memory.hostPath = null;
};
