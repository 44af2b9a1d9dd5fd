/** One page of a list of objects, in the XML in which object storage writes it. */

export interface ListPage {
  readonly objects: readonly { readonly key: string; readonly bytes: number }[];
  /** The token of the next page; `undefined` behind the last one. */
  readonly next: string | undefined;
}

/** `undefined` where `text` is no such page. */
export function pageIn(text: string): ListPage | undefined {
  if (!/<ListBucketResult[\s>]/.test(text)) return undefined;
  const objects = [...text.matchAll(/<Contents>([^]*?)<\/Contents>/g)].map(([, entry = ""]) => {
    return { key: fieldOf(entry, "Key") ?? "", bytes: Number(fieldOf(entry, "Size")) };
  });
  const isCut = fieldOf(text, "IsTruncated") === "true";
  return { objects, next: isCut ? fieldOf(text, "NextContinuationToken") : undefined };
}

function fieldOf(text: string, name: string): string | undefined {
  const [, value] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(text) ?? [];
  return value === undefined ? undefined : unescaped(value);
}

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
};

function unescaped(text: string): string {
  return text.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => entities[entity] ?? entity);
}
