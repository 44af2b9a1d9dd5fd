/** Copies the chain of a log from one bucket into another: objects first, then the link that names each, and its receipt. */
import type { WaitOptions } from "../../async/signal.js";
import { PersisterError } from "../../types/errors.js";
import type { Bucket } from "../bucket/bucket.js";
import { sha256Hex } from "../bucket/digest.js";
import { corrupt } from "../form/head.js";
import { encodeLink, encodeReceipt, type ReadLink } from "../form/link.js";
import { linkName, objectName, receiptName } from "../form/names.js";
import type { LogChain } from "./log-chain.js";

export interface CopiedLog {
  readonly links: number;
  readonly bytes: number;
}

/** @throws {PersisterError} ARCHIVE_CORRUPT, ARCHIVE_CONFLICT; as the buckets say. */
export async function copyLog(
  parts: { readonly from: Bucket; readonly to: Bucket; readonly chain: LogChain },
  options: WaitOptions & { readonly onObject: ((link: ReadLink) => void) | undefined },
): Promise<CopiedLog> {
  const { from, to, chain } = parts;
  const { signal, onObject } = options;
  let links = 0;
  let bytes = 0;
  for await (const link of chain.links(0, { signal })) {
    const name = objectName(chain.folder, link.first, link.next);
    const held = await from.get(name, { signal });
    if (!held) throw corrupt(name, `it is missing: link ${link.ordinal} names it`);
    if ((await sha256Hex(held.bytes)) !== link.sha256) {
      throw corrupt(name, `its SHA-256 is not the one in link ${link.ordinal}`);
    }
    await put(to, name, held.bytes, signal);
    await put(to, linkName(chain.folder, link.ordinal), encodeLink(link), signal);
    await put(to, receiptName(chain.folder, link.ordinal), encodeReceipt(link.hash), signal);
    links += 1;
    bytes += held.bytes.length;
    onObject?.(link);
  }
  return { links, bytes };
}

async function put(
  to: Bucket,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const result = await to.putIfAbsent(name, bytes, { signal });
  if (result.stored) return;
  const text = `${to.url} holds another ${name}: it is the archive of another history`;
  throw new PersisterError("ARCHIVE_CONFLICT", text, { file: name });
}
