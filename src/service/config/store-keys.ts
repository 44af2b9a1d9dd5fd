/**
 * The keys of the stores that a service serves: from files, from variables of the environment, or from a command that
 * prints them, as of a key service. The first one writes, the others read. They are read at the start; SIGHUP and
 * an operator's RotateKey read them anew, and each store rotates that another key seals.
 *
 * A key that is gone from its source stays in memory: what it sealed is moved off it first.
 */
import pLimit from "p-limit";
import { allEnded } from "../../async/all-ended.js";
import type { KeyUse } from "../../journal/upkeep/rekeyer.js";
import { keysOfCommand } from "../../keys/command.js";
import type { KeyId } from "../../keys/key.js";
import { KeyRing } from "../../keys/ring.js";
import { type KeyChoices, type KeySource, keyFrom } from "../../keys/source.js";
import { PersisterError } from "../../types/errors.js";
import type { Settings } from "./keys.js";
import type { ServiceLog } from "./log.js";

/** A store that is sealed with these keys. */
export interface SealedStore {
  readonly name: "keeper" | "journal" | "jobs";
  readonly rotateKey: (key: KeySource) => Promise<void>;
  /** The keys whose bytes lie on its disk. */
  readonly keys: () => readonly (KeyUse & { readonly jobs?: readonly string[] })[];
}

/** The keeper's store may be opened behind the others. */
const order: readonly SealedStore["name"][] = ["keeper", "journal", "jobs"];

/** The end of a rotation. */
export interface Rotated {
  /** The key that writes. */
  readonly id: KeyId;
  /** Whether another one wrote before, in any store. */
  readonly changed: boolean;
}

export class StoreKeys {
  readonly #settings: Settings;
  readonly #log: ServiceLog;
  readonly #stores: SealedStore[] = [];
  readonly #oneAtATime = pLimit(1);
  #ring: KeyRing | undefined;

  private constructor(settings: Settings, log: ServiceLog, ring: KeyRing | undefined) {
    this.#settings = settings;
    this.#log = log;
    this.#ring = ring;
  }

  /** @throws {PersisterError} KEY_REFUSED where a source gives no key. */
  static async read(settings: Settings, log: ServiceLog): Promise<StoreKeys> {
    return new StoreKeys(settings, log, await ringOf(settings));
  }

  /** For a store that is opened now; `undefined` where the settings name no key. */
  get choices(): KeyChoices | undefined {
    return this.#ring?.choices;
  }

  /** A store was opened with these keys. */
  add(store: SealedStore): void {
    this.#stores.push(store);
  }

  /** The keys whose bytes lie on disk, by store. */
  get uses(): readonly {
    readonly store: string;
    readonly keys: ReturnType<SealedStore["keys"]>;
  }[] {
    const sorted = this.#stores.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    return sorted.map(({ name, keys }) => ({ store: name, keys: keys() }));
  }

  /** For SIGHUP. Throws as `rotate`. */
  async reload(): Promise<void> {
    if (this.#ring === undefined) return;
    const { id, changed } = await this.rotate(() => Promise.resolve());
    if (changed) this.#log.write("info", "keyRotated", { key: id });
  }

  /**
   * Reads the keys anew, and has every store seal with the first of them; durable when resolved. `decide` is called
   * before a store changes its key.
   *
   * @throws {PersisterError} USAGE where the settings name no key, or ask for plain records; KEY_REFUSED; what a
   * store says: the others have rotated then, and the next call goes on.
   */
  async rotate(decide: (id: KeyId) => Promise<void>): Promise<Rotated> {
    return await this.#oneAtATime(async () => {
      const ring = await ringOf(this.#settings);
      const key = ring?.writing;
      if (!ring || !key) {
        ring?.close();
        const text =
          "the settings name no key that writes: set keys.files, keys.environment or keys.command";
        throw new PersisterError("USAGE", text);
      }
      this.#ring?.close();
      this.#ring = ring;
      this.#tellOfMissing(ring);
      const others = this.#stores.filter((store) => !isWriting(store, key.id));
      if (others.length === 0) return { id: key.id, changed: false };
      await decide(key.id);
      const copy = (): Uint8Array => key.lend((bytes) => Uint8Array.from(bytes));
      await allEnded(others.map((store) => store.rotateKey(copy)));
      return { id: key.id, changed: true };
    });
  }

  /** Zeroes the keys. The stores have their own. Idempotent. */
  close(): void {
    this.#ring?.close();
  }

  /** A key that its source has no more is needed by the next start as long as bytes lie under it. */
  #tellOfMissing(ring: KeyRing): void {
    for (const { name, keys } of this.#stores) {
      for (const { content } of keys()) {
        const isKey = content !== "plain" && content !== "unknown";
        if (isKey && !ring.find(content)) {
          this.#log.write("warn", "keyStillNeeded", { store: name, key: content });
        }
      }
    }
  }
}

function isWriting({ keys }: SealedStore, id: KeyId): boolean {
  return keys().some(({ content, state }) => content === id && state === "writing");
}

/** The ring of the settings; `undefined` where they name no key. */
async function ringOf(settings: Settings): Promise<KeyRing | undefined> {
  const sources: readonly KeySource[] = [
    ...settings["keys.files"].map((file) => ({ file })),
    ...settings["keys.environment"].map((env) => ({ env })),
  ];
  const command = settings["keys.command"];
  const keys = command === undefined ? [] : [...(await keysOfCommand(command))];
  try {
    for (const source of sources) keys.push(await keyFrom(source));
  } catch (cause) {
    for (const key of keys) key.close();
    throw cause;
  }
  const [first, ...others] = keys;
  if (!first) return undefined;
  return settings["keys.plain"] ? new KeyRing(undefined, keys) : new KeyRing(first, others);
}
