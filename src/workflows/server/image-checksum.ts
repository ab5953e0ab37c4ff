import { Failure } from "#contract/failures.ts";
import type { ProvisionedImage } from "#contract/server.ts";
import { checksumTypes } from "#drivers/ports.ts";
import { type ServerContext, reading } from "./kit.ts";

/**
 * Refuses an image whose bytes are not those that the request promised; without a checksum there is nothing to hold it
 * against. It reads the whole image, each time anew: what was served before says nothing of what is served now.
 */
export async function verifyChecksum(
  context: ServerContext,
  { url, checksum, checksumType }: ProvisionedImage,
): Promise<void> {
  if (checksum === null) return;
  const type = checksumTypes.find((each) => each === checksumType);
  if (type === undefined)
    throw new Failure("IMAGE_INVALID", `nobody can check a checksum of type ${checksumType}`, {
      details: { checksumType },
    });
  const actual = await context.ports.images.digest(url, type, reading(context));
  const expected = checksum.toLowerCase();
  if (actual === expected) return;
  throw new Failure(
    "IMAGE_INVALID",
    `the image's ${type} is ${actual}, not ${expected} as the request says; give the checksum of what the URL serves now, or the right URL`,
    { details: { checksumType: type, expected, actual } },
  );
}
