const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * True when everything wished for is there. More may be there, because API servers and webhooks fill in defaults; lists must be as long
 * as wished.
 */
export const covers = (there: unknown, wished: unknown): boolean => {
  if (wished === undefined) return true;
  if (isRecord(wished)) {
    return (
      isRecord(there) && Object.entries(wished).every(([name, value]) => covers(there[name], value))
    );
  }
  if (Array.isArray(wished)) {
    return (
      Array.isArray(there) &&
      there.length === wished.length &&
      wished.every((value, index) => covers(there[index], value))
    );
  }
  return Object.is(there, wished);
};
