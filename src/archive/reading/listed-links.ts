/** The links of a log as a list of its names tells them, so that nothing of the log can be missing. */
import { ahead } from "../../async/ahead.js";
import type { WaitOptions } from "../../async/signal.js";
import type { Bucket, GetOptions } from "../bucket/bucket.js";
import { corrupt } from "../form/head.js";
import type { ReadLink } from "../form/link.js";
import { linkName, rangeInName, receiptName } from "../form/names.js";
import type { ArchiveObject } from "../form/object.js";
import type { LogChain } from "./log-chain.js";

/** The object of a link, whose receipt is compared meanwhile. */
export async function objectOf(
  chain: LogChain,
  link: ReadLink,
  options: GetOptions,
): Promise<ArchiveObject> {
  const receipt = ahead(chain.checkReceipt(link, { signal: options.signal }));
  const object = await chain.object(link, options);
  await receipt;
  return object;
}

/** The links in order, and the names of objects beyond them. No link and no receipt is missing. */
export async function listedLinks(
  { bucket, chain }: { readonly bucket: Bucket; readonly chain: LogChain },
  options: WaitOptions,
): Promise<{ readonly links: readonly ReadLink[]; readonly unlinked: readonly string[] }> {
  const { folder } = chain;
  const ranges: { readonly name: string; readonly first: bigint }[] = [];
  const counts = { links: 0, receipts: 0 };
  for await (const { name } of bucket.list(`${folder}/`, options)) {
    const range = rangeInName(name);
    if (range) ranges.push({ name, first: range.first });
    else if (name.startsWith(`${folder}/chain/`)) due(linkName(folder, counts.links++), name);
    else if (name.startsWith(`${folder}/receipt/`))
      due(receiptName(folder, counts.receipts++), name);
  }
  const links: ReadLink[] = [];
  for await (const link of chain.links(0, options)) links.push(link);
  const { length } = links;
  if (length < Math.max(counts.links, counts.receipts)) due(linkName(folder, length), undefined);
  // The list has its names in their order: the receipts that belong to the links in it come behind them.
  if (counts.receipts < counts.links - 1) due(receiptName(folder, counts.receipts), undefined);
  const end = links.at(-1)?.next ?? 0n;
  // Behind a crash the writer begins there again, and a link covers that number.
  return { links, unlinked: ranges.filter(({ first }) => first >= end).map(({ name }) => name) };
}

/** @throws {PersisterError} ARCHIVE_CORRUPT unless the name that is due is the one that was found. */
function due(name: string, found: string | undefined): void {
  if (name !== found) throw corrupt(name, "it is missing");
}
