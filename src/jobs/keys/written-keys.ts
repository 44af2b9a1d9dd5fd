/** The keys that a batch has touched so far: a prefix that comes later in it takes them away, too. */
export class WrittenKeys {
  /** Keys as one character a byte, by category. */
  readonly #keys = new Map<string, Set<string>>();

  add(category: string, key: Uint8Array): void {
    const keys = this.#keys.get(category) ?? new Set();
    keys.add(Buffer.from(key).toString("latin1"));
    this.#keys.set(category, keys);
  }

  /** Those of a category that begin with `prefix`. */
  under(category: string, prefix: Uint8Array): readonly Uint8Array[] {
    const keys = [...(this.#keys.get(category) ?? [])].map((key) => Buffer.from(key, "latin1"));
    return keys.filter((key) => beginsWith(key, prefix));
  }
}

export function beginsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return (
    key.length >= prefix.length && Buffer.compare(key.subarray(0, prefix.length), prefix) === 0
  );
}
