export const MAX_WAIT_S = 60;

/** Seconds for which `Prefer: wait=N` (RFC 7240) asks the answer to be held, at most 60; null when it does not. */
export function preferredWaitS(headers: Headers): number | null {
  const header = headers.get("prefer");
  if (header === null) return null;
  for (const preference of header.split(",")) {
    const match = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;|$)/i.exec(preference);
    if (match?.[1] !== undefined) return Math.min(MAX_WAIT_S, Number(match[1]));
  }
  return null;
}
