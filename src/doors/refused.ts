/** What a person is told when the world around does not let a process start: which setting to look at, in one line. */

const codeOf = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : undefined;

/** An error's own words; of several at once (a host with several addresses) all of them, because theirs are empty. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

/** The URL itself is not repeated: a password may be in it. */
export const databaseRefused = (error: unknown): Error =>
  new Error(
    `the database of MILLWRIGHT_DATABASE_URL cannot be used: ${reasonOf(error)}; start it, or correct the URL`,
    { cause: error },
  );

export function portRefused(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
): Error {
  const words =
    codeOf(error) === "EADDRINUSE"
      ? `port ${port} is in use; choose another with MILLWRIGHT_PORT (0 = any)`
      : `cannot listen on ${host}, port ${port}: ${reasonOf(error)}; look at MILLWRIGHT_HOST and MILLWRIGHT_PORT`;
  return new Error(words, { cause: error });
}

export const bridgeRefused = (error: unknown): Error =>
  new Error(
    `no bridge to the embedded database can be opened: ${reasonOf(error)}; choose another port with MILLWRIGHT_BRIDGE_PORT`,
    { cause: error },
  );

/** `isOthers`: somebody is there who does not have the secret key. */
export function noBridge(
  error: unknown,
  { port, isOthers }: { readonly port: number; readonly isOthers: boolean },
): Error {
  const words = isOthers
    ? `what listens at port ${port} does not have this worker's secret key: it is a control plane with another one, or another program; give both the same MILLWRIGHT_SECRET_KEY, or choose another MILLWRIGHT_BRIDGE_PORT`
    : `there is no MILLWRIGHT_DATABASE_URL, and no control plane of this machine lets workers in at port ${port}: ${reasonOf(error)}; set the URL, or start the control plane with MILLWRIGHT_ENGINE=trigger and the same MILLWRIGHT_BRIDGE_PORT`;
  return new Error(words, { cause: error });
}
