/**
 * What a BMC answers when nobody told it the machine's identity at the factory. Two machines with the same
 * placeholder are not the same machine.
 */
const placeholderText =
  /^(n\/?a|none|null|unknown|default( string)?|not (specified|available|applicable|set)|to be filled by o\.?e\.?m\.?|system serial number|chassis serial number|serial number|invalid|[0x.-]+|1234567890?)$/i;

/** The UUID that many boards are shipped with, and those of one digit only. */
const placeholderUuid = /^(03000200-0400-0500-0006-000700080009|([0-9a-f])(-?\2){31})$/i;

/** A serial number that identifies, or null. */
export function usableSerial(serial: string | null): string | null {
  const text = serial?.trim() ?? "";
  return text === "" || placeholderText.test(text) ? null : text;
}

/** A UUID that identifies, in lower case, or null. */
export function usableUuid(uuid: string | null): string | null {
  const text = uuid?.trim().toLowerCase() ?? "";
  return text === "" || placeholderText.test(text) || placeholderUuid.test(text) ? null : text;
}
