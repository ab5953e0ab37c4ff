import { Failure, toFailure } from "#contract/failures.ts";
import { isDatabaseAway } from "#platform/database.ts";

/** Whatever a handler threw, as the failure that the caller is told: a database that is away is no bug. */
export const failureOf = (thrown: unknown): Failure =>
  !(thrown instanceof Failure) && isDatabaseAway(thrown)
    ? new Failure("UNAVAILABLE", "the database does not answer", { cause: thrown })
    : toFailure(thrown);
