/** The descriptors that reflection serves: of our proto files, of health, and of the details of errors. */
import { inflateRawSync } from "node:zlib";
import { descriptors } from "../../../rpc/api/descriptors.js";

/** Each file's FileDescriptorProto, encoded. */
export function fileDescriptors(): Buffer[] {
  const all = inflateRawSync(Buffer.from(descriptors, "base64"));
  const files: Buffer[] = [];
  for (let at = 0; at < all.length; ) {
    const next = at + 4 + all.readUInt32LE(at);
    files.push(all.subarray(at + 4, next));
    at = next;
  }
  return files;
}
